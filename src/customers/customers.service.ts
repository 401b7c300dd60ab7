import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Dialect, dialectOf } from '../database/dialect.js';
import { DirectQueries, type Reads } from '../database/direct-queries.js';
import { EntityTable } from '../database/entity-table.js';
import type { Replicas } from '../database/replicas.js';
import { HistoryService } from '../history/history.service.js';
import { usesSearchIndex } from '../lists/common-conditions.js';
import { KeyPaging, type Page } from '../lists/key-paging.js';
import type { PageQuery } from '../lists/list.query.js';
import { hashOf } from '../photos/photo-keys.js';
import { NO_PHOTO } from '../photos/stored-photo.js';
import { Problem } from '../problems/problem.js';
import { SearchIndex } from '../search/search-index.js';
import { StaleRows } from '../search/stale-rows.js';
import { deletedAtOf, type Resource } from '../writes/resource.js';
import { type Change, ResourceWriter } from '../writes/resource-writer.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import type { CreateCustomerDto, UpdateCustomerDto } from './customer.dto.js';
import { Customer } from './customer.entity.js';
import type { CustomerHistoryPageDto } from './customer-history.dto.js';
import { CUSTOMER_SORTS, customerFilter } from './customer-list.js';
import { CUSTOMER_SEARCH } from './customer-search.js';
import type { ListCustomersQuery } from './list-customers.query.js';
import { fromStoredAnswer, toStoredAnswer } from './stored-answers.js';

/** Customers without their photo's objects: CustomerPhotosService stores and deletes those. */
@Injectable()
export class CustomersService {
  private readonly table: EntityTable<Customer>;
  private readonly dialect: Dialect;
  private readonly search: SearchIndex<Customer>;
  readonly resource: Resource<Customer>;

  constructor(
    dataSource: DataSource,
    sql: DirectQueries,
    private readonly writer: ResourceWriter,
    private readonly history: HistoryService,
    private readonly paging: KeyPaging,
    staleRows: StaleRows,
  ) {
    this.table = new EntityTable(dataSource, sql, Customer);
    this.dialect = dialectOf(dataSource);
    this.search = new SearchIndex(dataSource, sql, CUSTOMER_SEARCH);
    staleRows.watch(this.search);
    this.resource = {
      name: 'customer',
      table: this.table,
      notFound: 'customer_not_found',
      derivedData: this.search,
      refuseErased,
      auditedFields: ({ email, name, surname, phone, company, notes, photoKey, photoUrl, ...customer }) => ({
        email,
        name,
        surname,
        phone,
        company,
        notes,
        // the content's hash identifies the photo; URLs expire
        photo: photoKey === null ? photoUrl : hashOf(photoKey),
        deletedAt: deletedAtOf(customer)?.toISOString() ?? null,
        // undefined in a new row
        mergedInto: customer.mergedInto ?? null,
      }),
    };
  }

  /** `replicas` may serve the page; it is as fresh as one of the primary. */
  async list(query: ListCustomersQuery, replicas?: Replicas): Promise<Page<Customer>> {
    // writes, so it comes before the position that a replica must have reached
    const isComplete = !(usesSearchIndex(query) || query.company !== undefined) || (await this.search.catchUp());
    const request = { ...query, sort: query.sort ?? '-id', remember: isComplete };
    const read = (reads?: Reads): Promise<Page<Customer>> =>
      this.paging.list(this.table, CUSTOMER_SORTS, customerFilter(this.dialect, query), request, reads);
    return replicas ? replicas.read(read) : read();
  }

  async get(id: number): Promise<Customer> {
    return requireLive(await this.table.find(id));
  }

  /** Also finds deleted and erased customers. */
  find(id: number): Promise<Customer | undefined> {
    return this.table.find(id);
  }

  /** Whether there is any customer, deleted or not. */
  async hasAny(): Promise<boolean> {
    return (await this.table.select('LIMIT 1', [])).length > 0;
  }

  /** The active customers with these e-mails, which are normalized and not empty. */
  findByEmails(emails: string[]): Promise<Customer[]> {
    return this.table.select(`WHERE live_email IN (${emails.map(() => '?').join(', ')})`, emails);
  }

  async create(
    context: WriteContext,
    { email, name, surname, phone, company, notes }: CreateCustomerDto,
    photo = NO_PHOTO,
  ): Promise<Customer> {
    const values = {
      email,
      name,
      surname,
      phone: phone ?? null,
      company: company ?? null,
      notes: notes ?? null,
      ...photo,
    };
    // a replayed row comes from JSON, with strings for its dates
    return this.table.revive(
      fromStoredAnswer(await this.writer.create(this.resource, context, values, toStoredAnswer)),
    );
  }

  update(
    context: WriteContext,
    id: number,
    changes: UpdateCustomerDto,
    expectedVersion?: VersionCondition,
  ): Promise<Customer> {
    return this.change(context, id, { action: 'updated', expectedVersion, set: () => changes });
  }

  /** Deletes the customer; `andSet` returns values of other columns to change in the same write. */
  async remove(
    context: WriteContext,
    id: number,
    expectedVersion?: VersionCondition,
    andSet: (row: Customer) => Partial<Customer> = () => ({}),
  ): Promise<void> {
    await this.change(context, id, {
      action: 'deleted',
      expectedVersion,
      set: (before, _, now) => ({ isDeleted: true, deletedAt: now, ...andSet(before) }),
    });
  }

  change(context: WriteContext, id: number, change: Change<Customer>): Promise<Customer> {
    return this.writer.update(this.resource, context, id, change);
  }

  /** Includes deleted and erased customers: their history shows who deleted or erased them. */
  async listHistory(id: number, query: PageQuery): Promise<CustomerHistoryPageDto> {
    if (!(await this.table.find(id))) throw new Problem('customer_not_found');
    return (await this.history.list('customer', id, query)) as CustomerHistoryPageDto;
  }
}

/** Throws unless the customer is active. */
export function requireLive(customer: Customer | undefined): Customer {
  if (customer) refuseErased(customer);
  if (!customer || customer.isDeleted) throw new Problem('customer_not_found');
  return customer;
}

export function refuseErased({ erasedAt }: Customer): void {
  if (erasedAt) throw new Problem('customer_erased');
}
