import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Problem } from '../problems/catalog.js';
import type { RequestContext } from '../http/request-context.js';
import { Clock } from '../config/clock.js';
import { toSqlTime } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { EntityTable } from '../database/entity-table.js';
import { KeyPaging, type SortKey } from '../lists/key-paging.js';
import { filterOf, type ListQuery, type PageQuery } from '../lists/list.query.js';
import { hashOf } from '../photos/photo-keys.js';
import { NO_PHOTO, PhotosService } from '../photos/photos.service.js';
import { HistoryService } from '../history/history.service.js';
import type { HistoryPageDto } from '../history/history.dto.js';
import { type Change, deletedAtOf, type Resource, ResourceWriter } from '../writes/resource-writer.js';
import type { CreateCustomerDto, CustomerDto, CustomerPageDto, UpdateCustomerDto } from './customer.dto.js';
import { Customer } from './customer.entity.js';

const SORTS: Record<string, SortKey> = {
  id: { sql: 'id', value: (customer: Customer) => customer.id },
  name: { sql: 'name', value: (customer: Customer) => customer.name },
  surname: { sql: 'surname', value: (customer: Customer) => customer.surname },
  email: { sql: 'email', value: (customer: Customer) => customer.email },
  createdAt: { sql: 'created_at', value: (customer: Customer) => toSqlTime(customer.createdAt) },
  lastModifiedAt: { sql: 'last_modified_at', value: (customer: Customer) => toSqlTime(customer.lastModifiedAt) },
};

/** Those whom the users of the service look after. */
@Injectable()
export class CustomersService {
  private readonly table: EntityTable<Customer>;
  private readonly resource: Resource<Customer>;

  constructor(
    dataSource: DataSource,
    sql: DirectQueries,
    private readonly writes: ResourceWriter,
    private readonly histories: HistoryService,
    private readonly paging: KeyPaging,
    private readonly photos: PhotosService,
    private readonly clock: Clock,
  ) {
    this.table = new EntityTable(dataSource, sql, Customer);
    this.resource = {
      name: 'customer',
      entity: Customer,
      table: this.table,
      notFound: 'customer_not_found',
      auditedFields: ({ email, name, surname, phone, company, notes, photoKey, photoUrl, ...customer }) => ({
        email,
        name,
        surname,
        phone,
        company,
        notes,
        // which photo it is, not where: addresses are not for ever
        photo: photoKey === null ? photoUrl : hashOf(photoKey),
        deletedAt: deletedAtOf(customer)?.toISOString() ?? null,
      }),
    };
  }

  async list(query: ListQuery, origin: string): Promise<CustomerPageDto> {
    const { rows, page } = await this.paging.list(this.table, SORTS, filterOf(query, 'last_modified_at'), {
      ...query,
      sort: query.sort ?? '-id',
    });
    return { data: rows.map((customer) => this.toDto(customer, origin)), page };
  }

  async get(id: number, origin: string): Promise<CustomerDto> {
    return this.toDto(await this.getRow(id), origin);
  }

  /** The row of one that is not deleted. */
  async getRow(id: number): Promise<Customer> {
    const customer = await this.table.find(id);
    if (!customer || customer.isDeleted) throw new Problem('customer_not_found');
    return customer;
  }

  /** Deleted ones too. */
  find(id: number): Promise<Customer | undefined> {
    return this.table.find(id);
  }

  create(
    context: RequestContext,
    { email, name, surname, phone, company, notes }: CreateCustomerDto,
    photo = NO_PHOTO,
  ): Promise<CustomerDto> {
    const values = {
      email,
      name,
      surname,
      phone: phone ?? null,
      company: company ?? null,
      notes: notes ?? null,
      ...photo,
    };
    return this.writes.create<Customer, CustomerDto>(this.resource, context, values, (customer) =>
      this.toDto(customer, context.origin),
    );
  }

  async update(context: RequestContext, id: number, changes: UpdateCustomerDto): Promise<CustomerDto> {
    const customer = await this.change(context, id, { action: 'updated', set: () => changes });
    return this.toDto(customer, context.origin);
  }

  /** Deletes the customer; `also` says what else changes in the row with that. */
  async remove(
    context: RequestContext,
    id: number,
    also: (row: Customer) => Partial<Customer> = () => ({}),
  ): Promise<void> {
    await this.change(context, id, {
      action: 'deleted',
      set: (before) => ({ isDeleted: true, deletedAt: this.clock.now(), ...also(before) }),
    });
  }

  change(context: RequestContext, id: number, change: Change<Customer>): Promise<Customer> {
    return this.writes.update(this.resource, context, id, change);
  }

  /** Restoring one that is not deleted changes nothing. */
  async restore(context: RequestContext, id: number): Promise<CustomerDto> {
    const customer = await this.change(context, id, {
      action: 'restored',
      includeDeleted: true,
      set: (before) => (before.isDeleted ? { isDeleted: false, deletedAt: null } : {}),
    });
    return this.toDto(customer, context.origin);
  }

  history(id: number, query: PageQuery): Promise<HistoryPageDto> {
    return this.histories.list(this.resource, id, query);
  }

  toDto(customer: Customer, origin: string): CustomerDto {
    return {
      id: customer.id,
      email: customer.email,
      name: customer.name,
      surname: customer.surname,
      phone: customer.phone,
      company: customer.company,
      notes: customer.notes,
      photo: customer.isDeleted ? null : this.photos.describe(customer.id, customer, origin),
      createdBy: customer.createdBy,
      lastModifiedBy: customer.lastModifiedBy,
      createdAt: customer.createdAt.toISOString(),
      lastModifiedAt: customer.lastModifiedAt.toISOString(),
      version: customer.version,
      deletedAt: deletedAtOf(customer)?.toISOString() ?? null,
    };
  }
}
