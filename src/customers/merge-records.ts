import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import type { Changes } from '../history/history.entity.js';
import type { CustomerMerge } from './customer-merge.entity.js';

const COLUMNS = 'from_id AS fromId, from_version AS fromVersion, into_id AS intoId, into_version AS intoVersion';
const INSERT = 'INSERT INTO customer_merges (from_id, from_version, into_id, into_version) VALUES (?, ?, ?, ?)';
const OF = `SELECT ${COLUMNS} FROM customer_merges WHERE from_id = ? ORDER BY from_version DESC`;
const FILLED = `SELECT changes FROM history WHERE resource = 'customer' AND resource_id = ? AND version = ?`;
const MERGED_INTO = 'SELECT merged_into AS id FROM customers WHERE id = ? AND merged_into IS NOT NULL';
/** Version 0.1, which knows no merges, restores a merged customer without clearing `merged_into`. */
const MERGED_FROM = `SELECT DISTINCT customers.id FROM customer_merges JOIN customers ON customers.id = from_id
  WHERE into_id = ? AND merged_into = into_id AND is_deleted = 1`;

/** Which customers were merged into which, and what each merge filled. */
@Injectable()
export class MergeRecords {
  constructor(private readonly queries: DirectQueries) {}

  async add(manager: EntityManager, { fromId, fromVersion, intoId, intoVersion }: CustomerMerge): Promise<void> {
    await this.queries.writeIn(manager, INSERT, [fromId, fromVersion, intoId, intoVersion]);
  }

  /** The merges in which this customer was the other one, newest first; also those that were undone. */
  of(manager: EntityManager, fromId: number): Promise<CustomerMerge[]> {
    return this.queries.executeIn(manager, OF, [fromId]);
  }

  /** The fields that a merge filled in the customer that stayed. */
  async filledBy(manager: EntityManager, { intoId, intoVersion }: CustomerMerge): Promise<Changes> {
    const [entry] = await this.queries.executeIn<{ changes: string | Changes }>(manager, FILLED, [intoId, intoVersion]);
    const changes = entry?.changes ?? {};
    return typeof changes === 'string' ? (JSON.parse(changes) as Changes) : changes;
  }

  /** The customer, the one that it is merged into, the one that this is merged into, and so on. */
  chainFrom(manager: EntityManager, id: number): Promise<number[]> {
    return this.follow(id, MERGED_INTO, manager);
  }

  /** The customer and all that are merged into it, directly or through others. */
  personOf(id: number, manager?: EntityManager): Promise<number[]> {
    return this.follow(id, MERGED_FROM, manager);
  }

  private async follow(id: number, sql: string, manager?: EntityManager): Promise<number[]> {
    const read = (from: number): Promise<Array<{ id: number }>> =>
      manager ? this.queries.executeIn(manager, sql, [from]) : this.queries.query(sql, [from]);
    const ids = new Set([id]);
    // a Set iterates over what is added meanwhile
    for (const next of ids) for (const found of await read(next)) ids.add(found.id);
    return [...ids];
  }
}
