import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import { lockInTransaction } from '../database/locks.js';
import type { History } from './history.entity.js';

const BATCH_SIZE = 500;

/**
 * Numbers the entries of a resource in an order that never runs ahead of a commit, for readers that must not miss one.
 * Ids and times are set before a commit: a transaction that commits late would insert an entry before the position that
 * a reader has already passed. Here committed entries get their numbers from the first reader that comes, so writers
 * pay nothing but an index entry.
 */
@Injectable()
export class HistorySequence {
  constructor(
    private readonly dataSource: DataSource,
    private readonly queries: DirectQueries,
  ) {}

  /** Numbers all entries committed so far. Returns how many. The versions of one row are numbered in their order. */
  async assign(resource: History['resource']): Promise<number> {
    let assigned = 0;
    let batch: number;
    do {
      batch = await this.dataSource.transaction((manager) => this.assignBatch(manager, resource));
      assigned += batch;
    } while (batch === BATCH_SIZE);
    return assigned;
  }

  private async assignBatch(manager: EntityManager, resource: string): Promise<number> {
    await lockInTransaction(manager, 'history_sequence');
    const entries = await this.queries.executeIn<{ id: number; version: number }>(
      manager,
      `SELECT resource_id AS id, version FROM history WHERE resource = ? AND sequence IS NULL
        ORDER BY resource_id, version LIMIT ${BATCH_SIZE}`,
      [resource],
    );
    const [last] = await this.queries.executeIn<{ sequence: number | null }>(
      manager,
      'SELECT MAX(sequence) AS sequence FROM history WHERE resource = ?',
      [resource],
    );
    let sequence = last?.sequence ?? 0;
    const sql = 'UPDATE history SET sequence = ? WHERE resource = ? AND resource_id = ? AND version = ?';
    for (const { id, version } of entries)
      await this.queries.writeIn(manager, sql, [++sequence, resource, id, version]);
    return entries.length;
  }
}
