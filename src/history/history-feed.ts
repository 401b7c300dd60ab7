import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { fromSqlTime } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { Cursors, invalidCursor } from '../lists/cursors.js';
import type { Action } from './actions.js';
import type { History } from './history.entity.js';
import { HistorySequence } from './history-sequence.js';

/** A node of a cluster may apply the entry of a cursor a moment after another node has handed it out. */
const ATTEMPTS = 4;
const PAUSE_MS = 250;

/** An entry that has its place in the order of all. */
export type NumberedEntry = Pick<History, 'version' | 'action' | 'by' | 'at'> & { id: number; position: FeedPosition };

/** Where a reader goes on: after this entry. Number 0 is before all of them. */
export type FeedPosition = [sequence: number, id: number, version: number, time: string];

const START: FeedPosition = [0, 0, 0, ''];

interface Row {
  sequence: number;
  id: number;
  version: number;
  action: Action;
  actor: number | null;
  time: string;
}

const SELECT = `SELECT sequence, resource_id AS id, version, action, changed_by AS actor, changed_at AS time FROM history
  WHERE resource = ? AND sequence >= ? ORDER BY sequence`;

/** The history of all rows of a resource in one order, which is the same for all readers and never runs ahead of a commit. */
@Injectable()
export class HistoryFeed {
  constructor(
    private readonly queries: DirectQueries,
    private readonly sequence: HistorySequence,
    private readonly cursors: Cursors,
  ) {}

  /** The position before everything that is kept. */
  get start(): FeedPosition {
    return START;
  }

  /** The position after everything committed so far. */
  async end(resource: History['resource']): Promise<FeedPosition> {
    await this.sequence.assign(resource);
    const [last] = await this.select(resource, await this.sequence.latest(resource), 1);
    return last ? positionOf(last) : START;
  }

  seal(resource: History['resource'], position: FeedPosition): string {
    return this.cursors.seal(position, `changes of ${resource}`);
  }

  /** `pointer` names the parameter in the problem. */
  open(resource: History['resource'], cursor: string, pointer: string): FeedPosition {
    return this.cursors.open<FeedPosition>(cursor, `changes of ${resource}`, pointer);
  }

  /**
   * At most `limit` entries after the position. Refuses a position whose entry is another one here: the database was
   * restored from a backup, or is not the one that issued the cursor, and going on would skip changes silently.
   */
  async read(
    resource: History['resource'],
    position: FeedPosition,
    limit: number,
    pointer: string,
  ): Promise<NumberedEntry[]> {
    for (let attempt = 1; ; attempt++) {
      let rows = await this.select(resource, position[0], limit + 1);
      const last = rows.at(-1)?.sequence ?? position[0];
      if (rows.length <= limit && (await this.sequence.latest(resource)) > last)
        rows = await this.select(resource, position[0], limit + 1);
      if (position[0] === 0) return rows.slice(0, limit).map(toEntry);
      const [anchor, ...entries] = rows;
      if (anchor && String(positionOf(anchor)) === String(position)) return entries.map(toEntry);
      if (attempt === ATTEMPTS || anchor) throw invalidCursor(pointer);
      await sleep(PAUSE_MS);
    }
  }

  /** From the entry with this number on. */
  private select(resource: string, sequence: number, limit: number): Promise<Row[]> {
    return this.queries.query<Row>(`${SELECT} LIMIT ${limit}`, [resource, sequence]);
  }
}

const positionOf = ({ sequence, id, version, time }: Row): FeedPosition => [sequence, id, version, time];

function toEntry(row: Row): NumberedEntry {
  const { id, version, action, actor, time } = row;
  return { id, version, action, by: actor, at: fromSqlTime(time), position: positionOf(row) };
}
