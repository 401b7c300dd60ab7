import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import type { Changes } from '../history/history.entity.js';
import { NO_PHOTO, photoOf } from '../photos/stored-photo.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import { Transactions, VersionRaceError } from '../writes/transactions.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import type { Customer } from './customer.entity.js';
import { CustomersService } from './customers.service.js';
import { MergeRecords } from './merge-records.js';

/** Merging and restoring move values; they do not change what a user has decided. */
const MOVES = ['merged_into', 'restored'];
const CHANGED_SINCE = `SELECT ${['name', 'surname', 'phone', 'company', 'notes', 'photo']
  .map((field) => `COUNT(JSON_EXTRACT(changes, '$.${field}')) AS ${field}`)
  .join(', ')} FROM history WHERE resource = 'customer' AND resource_id = ? AND version > ?
  AND action NOT IN (${MOVES.map((action) => `'${action}'`).join(', ')})`;

/** Restores deleted customers. One that was merged into another takes back what it filled there. */
@Injectable()
export class CustomerRestoreService {
  constructor(
    private readonly customers: CustomersService,
    private readonly writer: ResourceWriter,
    private readonly transactions: Transactions,
    private readonly records: MergeRecords,
    private readonly queries: DirectQueries,
  ) {}

  /** Restoring an active customer changes nothing. */
  restore(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<Customer> {
    const { resource } = this.customers;
    return this.transactions.run(async (manager) => {
      const [customer, ...targets] = await this.lockChain(manager, id);
      const photo = customer && !customer.erasedAt ? await this.undoFills(manager, context, customer, targets) : {};
      return this.writer.updateIn(manager, resource, context, id, {
        action: 'restored',
        expectedVersion,
        includeDeleted: true,
        set: (before) => (before.isDeleted ? { isDeleted: false, deletedAt: null, mergedInto: null, ...photo } : {}),
      });
    });
  }

  /** The customer, the one that it is merged into, the one that this is merged into, and so on. */
  private async lockChain(manager: EntityManager, id: number): Promise<Customer[]> {
    const ids = await this.records.chainFrom(manager, id);
    const rows = await this.customers.resource.table.lockByIds(manager, ids);
    // another merge or restore may have come between the read and the lock
    const isSame = ids.every((one, index) => (rows.get(one)?.mergedInto ?? null) === (ids[index + 1] ?? null));
    if (!isSame) throw new VersionRaceError();
    return ids.flatMap((one) => rows.get(one) ?? []);
  }

  /**
   * Clears the fields that `customer` filled in the one it was merged into, unless they were changed since, and follows the
   * values that moved on with that one. Returns the photo if it comes back.
   */
  private async undoFills(
    manager: EntityManager,
    context: WriteContext,
    customer: Customer,
    targets: Customer[],
  ): Promise<Partial<Customer>> {
    let photo: Partial<Customer> = {};
    let carried: Changes | undefined;
    let from = customer;
    for (const target of targets) {
      const merge = (await this.records.of(manager, from.id)).find(({ intoId }) => intoId === target.id)!;
      const filled = await this.records.filledBy(manager, merge);
      const isChanged = await this.changesSince(manager, target.id, merge.intoVersion);
      const current = this.customers.resource.auditedFields(target);
      const values: Partial<Customer> = {};
      const next: Changes = {};
      for (const [field, change] of Object.entries(filled)) {
        const [before, value] = change;
        if ((carried && carried[field]?.[1] !== value) || isChanged(field)) continue;
        if (current[field] !== value) {
          // of the fields only a photo moves on as a whole
          if (field === 'photo') next.photo = change;
        } else if (field === 'photo') {
          photo = photoOf(target);
          Object.assign(values, NO_PHOTO);
        } else {
          Object.assign(values, { [field]: before });
          next[field] = change;
        }
      }
      if (!carried || Object.keys(values).length > 0)
        await this.writer.updateIn(manager, this.customers.resource, context, target.id, {
          action: 'unmerged',
          includeDeleted: true,
          always: true,
          set: () => values,
        });
      carried = next;
      from = target;
    }
    return photo;
  }

  /** Whether users have changed a field after the given version. */
  private async changesSince(manager: EntityManager, id: number, version: number): Promise<(field: string) => boolean> {
    const [counts] = await this.queries.executeIn<Record<string, number>>(manager, CHANGED_SINCE, [id, version]);
    return (field) => Number(counts![field]) > 0;
  }
}
