import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import type { Changes, History } from '../history/history.entity.js';
import type { Customer } from './customer.entity.js';
import type { CustomerMerge } from './customer-merge.entity.js';
import { CustomersService } from './customers.service.js';
import { MergeRecords } from './merge-records.js';

const BATCH_SIZE = 200;
const ENTRIES = `SELECT version, changes, state FROM history
  WHERE resource = 'customer' AND resource_id = ? AND version >= ? ORDER BY version LIMIT ${BATCH_SIZE}`;
const UPDATE = `UPDATE history SET changes = ?, state = ? WHERE resource = 'customer' AND resource_id = ? AND version = ?`;
/** Of merges into this customer: such an answer contains all its fields at that time. */
const ERASE_ANSWERS = `UPDATE idempotency_records SET answer = NULL
  WHERE resource = 'customer' AND resource_id = ? AND related_id IS NOT NULL`;

type Entry = Pick<History, 'version' | 'changes' | 'state'>;

/**
 * Removes what an erased customer once filled in another one from the history of that one, if the merge was undone. What
 * another customer still has is its own.
 */
@Injectable()
export class FillErasure {
  constructor(
    private readonly customers: CustomersService,
    private readonly records: MergeRecords,
    private readonly queries: DirectQueries,
  ) {}

  /** Must run before the histories of the erased customers are. */
  async erase(manager: EntityManager, erased: Customer[]): Promise<void> {
    const ids = new Set(erased.map(({ id }) => id));
    for (const { id, mergedInto } of erased)
      for (const merge of await this.records.of(manager, id))
        if (!ids.has(merge.intoId) && merge.intoId !== mergedInto) await this.eraseFill(manager, merge);
  }

  /** Follows values that moved on when the customer that they filled was merged into a third one. */
  private async eraseFill(manager: EntityManager, merge: CustomerMerge, values?: Map<string, unknown>): Promise<void> {
    const target = await this.customers.resource.table.lockById(manager, merge.intoId);
    if (!target || target.erasedAt !== null) return;
    const current = this.customers.resource.auditedFields(target);
    const filled = Object.entries(await this.records.filledBy(manager, merge));
    const left = filled.flatMap(([field, [, value]]): Array<[string, unknown]> =>
      current[field] !== value && (!values || values.get(field) === value) ? [[field, value]] : [],
    );
    if (left.length === 0) return;
    await this.eraseValues(manager, merge, new Map(left));
    await this.queries.writeIn(manager, ERASE_ANSWERS, [target.id]);
    for (const next of await this.records.of(manager, target.id))
      if (next.fromVersion > merge.intoVersion) await this.eraseFill(manager, next, new Map(left));
  }

  private async eraseValues(
    manager: EntityManager,
    { intoId, intoVersion }: CustomerMerge,
    values: Map<string, unknown>,
  ): Promise<void> {
    for (let version = intoVersion; ;) {
      const rows = await this.queries.executeIn<Record<keyof Entry, unknown>>(manager, ENTRIES, [intoId, version]);
      for (const row of rows) {
        const entry = { version: row.version, changes: parse(row.changes), state: parse(row.state) } as Entry;
        if (!removeValues(entry, values)) continue;
        const json = [JSON.stringify(entry.changes), entry.state && JSON.stringify(entry.state)];
        await this.queries.writeIn(manager, UPDATE, [...json, intoId, entry.version]);
      }
      if (rows.length < BATCH_SIZE) return;
      version = (rows.at(-1)!.version as number) + 1;
    }
  }
}

/** Some drivers parse JSON columns. */
const parse = (json: unknown): unknown => (typeof json === 'string' ? JSON.parse(json) : json);

/** Returns whether the entry contained one of the values. */
function removeValues({ changes, state }: Entry, values: Map<string, unknown>): boolean {
  let isFound = false;
  for (const [field, value] of values) {
    if (changes[field]?.includes(value)) {
      const kept = changes[field].map((one) => (one === value ? null : one)) as Changes[string];
      if (kept[0] === kept[1]) delete changes[field];
      else changes[field] = kept;
      isFound = true;
    }
    if (state && state[field] === value) {
      state[field] = null;
      isFound = true;
    }
  }
  return isFound;
}
