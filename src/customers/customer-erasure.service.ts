import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import { FileResidue } from '../database/file-residue.js';
import { HistoryService } from '../history/history.service.js';
import { PhotosService } from '../photos/photos.service.js';
import { NO_PHOTO } from '../photos/stored-photo.js';
import { Problem } from '../problems/problem.js';
import { ObjectRemovals } from '../storage/object-removals.js';
import { Idempotency } from '../writes/idempotency.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import { Transactions, VersionRaceError } from '../writes/transactions.js';
import type { WriteContext } from '../writes/write-context.js';
import type { Customer } from './customer.entity.js';
import { CustomersService } from './customers.service.js';
import { FillErasure } from './fill-erasure.js';
import { MergeRecords } from './merge-records.js';

const NAMES_PHOTO = 'SELECT 1 FROM customers WHERE photo_url = ? LIMIT 1';

/**
 * Erases the personal data of a customer for good (GDPR, article 17). One transaction removes it from every table and
 * lists the objects of the photos; these are removed after the commit, as a rollback would not bring them back.
 */
@Injectable()
export class CustomerErasureService {
  constructor(
    private readonly customers: CustomersService,
    private readonly writer: ResourceWriter,
    private readonly transactions: Transactions,
    private readonly idempotency: Idempotency,
    private readonly history: HistoryService,
    private readonly records: MergeRecords,
    private readonly fills: FillErasure,
    private readonly photos: PhotosService,
    private readonly removals: ObjectRemovals,
    private readonly residue: FileResidue,
    private readonly queries: DirectQueries,
  ) {}

  async erase(context: WriteContext, id: number): Promise<void> {
    const objects = await this.transactions.run((manager) => this.eraseIn(manager, context, id));
    await this.removals.run(objects);
    await this.residue.overwrite();
  }

  /** Returns the objects to remove. */
  private async eraseIn(manager: EntityManager, context: WriteContext, id: number): Promise<string[]> {
    const customers = await this.lockPerson(manager, id);
    const remaining = customers.filter(({ erasedAt }) => erasedAt === null);
    const ids = remaining.map((customer) => customer.id);
    await this.fills.erase(manager, remaining);
    for (const customer of remaining) {
      const { version } = await this.writer.updateIn(manager, this.customers.resource, context, customer.id, {
        action: 'erased',
        includeDeleted: true,
        isErasure: true,
        set: (_row, _manager, now) => tombstoneOf(customer, now),
      });
      await this.history.erase(manager, 'customer', customer.id, version);
    }
    await this.idempotency.eraseAnswers(manager, 'customer', ids);
    const objects: string[] = [];
    for (const customer of remaining) objects.push(...(await this.objectsOf(manager, customer)));
    await this.removals.add(manager, objects);
    return objects;
  }

  /** The customer and all that are merged into it: they are the same person. */
  private async lockPerson(manager: EntityManager, id: number): Promise<Customer[]> {
    const ids = await this.records.personOf(id, manager);
    const rows = await this.customers.resource.table.lockByIds(manager, ids);
    if (!rows.has(id)) throw new Problem('customer_not_found');
    // a merge or a restore may have come between the read and the lock
    const again = await this.records.personOf(id, manager);
    if (again.length !== ids.length || !again.every((one) => rows.has(one))) throw new VersionRaceError();
    return [...rows.values()];
  }

  private async objectsOf(manager: EntityManager, customer: Customer): Promise<string[]> {
    const objects = this.photos.objectsOf(customer);
    // rows of the Flask service may share a photo
    const isShared =
      customer.photoKey === null &&
      objects.length > 0 &&
      (await this.queries.executeIn(manager, NAMES_PHOTO, [customer.photoUrl])).length > 0;
    return isShared ? [] : objects;
  }
}

/** The Flask service can read the row as well: no column is null that it needs. */
const tombstoneOf = ({ id, deletedAt }: Customer, now: Date): Partial<Customer> => ({
  email: `erased-${id}@erased.invalid`,
  name: '',
  surname: '',
  phone: null,
  company: null,
  notes: null,
  ...NO_PHOTO,
  isDeleted: true,
  deletedAt: deletedAt ?? now,
  erasedAt: now,
});
