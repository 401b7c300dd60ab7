import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { isConflict } from '../database/database-errors.js';
import { dialectOf } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { Housekeeping } from '../database/housekeeping.js';
import { lockInTransaction } from '../database/locks.js';
import type { History } from './history.entity.js';

/** Entries numbered by one transaction: few enough for the statement timeout, and not to stop the embedded database. */
const BATCH_SIZE = 500;
const MAX_ATTEMPTS = 5;

const STATUS = `SELECT (SELECT MAX(sequence) FROM history WHERE resource = ?) AS last,
  EXISTS (SELECT 1 FROM history WHERE resource = ? AND sequence IS NULL) AS pending`;
const LAST = 'SELECT MAX(sequence) AS last FROM history WHERE resource = ?';
const NUMBER = 'UPDATE history SET sequence = ? WHERE resource = ? AND resource_id = ? AND version = ?';

/** What the index on `sequence` yields without sorting: in SQLite rowids, which are in the order of commits. */
const INDEX_ORDER = { sqlite: 'rowid', mysql: 'resource_id, version', mariadb: 'resource_id, version' };

/** MySQL's EXISTS is a BIGINT, which its driver may return as text. */
interface Status {
  last: number | string | null;
  pending: number | string;
}

interface Pending {
  id: number;
  version: number;
  time: string;
}

/**
 * Numbers the entries of a resource in an order that never runs ahead of a commit, for readers that must not miss one.
 * Ids and times are set before a commit: a transaction that commits late would insert an entry before the position that
 * a reader has already passed. Here committed entries get their numbers from the first reader that comes, so writers
 * pay nothing but an index entry.
 */
@Injectable()
export class HistorySequence {
  private readonly pendingEntries: string;

  constructor(
    private readonly dataSource: DataSource,
    private readonly queries: DirectQueries,
    housekeeping: Housekeeping,
  ) {
    this.pendingEntries = `SELECT resource_id AS id, version, changed_at AS time FROM history
      WHERE resource = ? AND sequence IS NULL ORDER BY ${INDEX_ORDER[dialectOf(dataSource)]} LIMIT ${BATCH_SIZE}`;
    // without readers, entries would wait for their numbers; a batch has the order of time only within itself
    housekeeping.hourly(() => this.assign('customer'));
  }

  /** Numbers all entries committed so far. Returns how many. The versions of one row are numbered in their order. */
  async assign(resource: History['resource']): Promise<number> {
    let assigned = 0;
    while ((await this.status(resource)).pending) assigned += await this.assignBatch(resource);
    return assigned;
  }

  /** The last number, once some of the entries committed so far have theirs: all of them, unless many are waiting. */
  async latest(resource: History['resource']): Promise<number> {
    const { last, pending } = await this.status(resource);
    if (!pending) return last;
    await this.assignBatch(resource);
    return (await this.status(resource)).last;
  }

  private async status(resource: string): Promise<{ last: number; pending: boolean }> {
    const [row] = await this.queries.query<Status>(STATUS, [resource, resource]);
    return { last: Number(row!.last ?? 0), pending: Number(row!.pending) === 1 };
  }

  /** Other instances number as well: on a cluster they collide at the commit, elsewhere they wait for each other. */
  private async assignBatch(resource: string): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.dataSource.transaction((manager) => this.numberBatch(manager, resource));
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isConflict(error)) throw error;
      }
    }
  }

  private async numberBatch(manager: EntityManager, resource: string): Promise<number> {
    await lockInTransaction(manager, 'history_sequence');
    const entries = await this.queries.executeIn<Pending>(manager, this.pendingEntries, [resource]);
    const [row] = await this.queries.executeIn<{ last: number | null }>(manager, LAST, [resource]);
    let sequence = Number(row?.last ?? 0);
    for (const { id, version } of inOrder(entries))
      await this.queries.writeIn(manager, NUMBER, [++sequence, resource, id, version]);
    return entries.length;
  }
}

/** Oldest first; a version never before its predecessor, also if the clock of its instance is behind. */
function inOrder(entries: Pending[]): Pending[] {
  const latest = new Map<number, string>();
  const timed = entries.map((entry) => {
    const previous = latest.get(entry.id) ?? '';
    const time = entry.time < previous ? previous : entry.time;
    latest.set(entry.id, time);
    return { ...entry, time };
  });
  return timed.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}
