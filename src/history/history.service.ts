import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, LessThan, Repository } from 'typeorm';
import { BatchInsert } from '../database/batch-insert.js';
import { fromSqlTime, toSqlTime } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { Cursors } from '../lists/cursors.js';
import type { PageQuery } from '../lists/list.query.js';
import type { PageDto } from '../lists/page.dto.js';
import { MAX_ID } from '../validation/fields.js';
import { type HistoryEntry, toHistoryEntry } from './history.dto.js';
import { type Changes, History } from './history.entity.js';

type State = NonNullable<History['state']>;
type PastVersion = Pick<History, 'version' | 'by' | 'at' | 'state'>;

/** `+ 0` keeps the databases from reading the entries in the order of their versions: the index has all that is needed. */
const FIND_AT = `SELECT version, changed_by AS actor, changed_at AS time, state FROM history
  WHERE resource = ? AND resource_id = ? AND version = (
    SELECT MAX(version + 0) FROM history WHERE resource = ? AND resource_id = ? AND changed_at <= ?)`;
const STATE = 'SELECT state FROM history WHERE resource = ? AND resource_id = ? AND version = ?';
const LATER_CHANGES = `SELECT changes FROM history
  WHERE resource = ? AND resource_id = ? AND version > ? ORDER BY version DESC`;

/** Without the states, which are as large as the changes. */
const LISTED = { version: true, action: true, by: true, at: true, requestId: true, changes: true };
const READ_BATCH_SIZE = 200;
/** In one statement, which the server aborts if it runs for long. */
const BATCH_SIZE = 1_000;
const ERASE = `UPDATE history SET changes = '{}', state = NULL
  WHERE resource = ? AND resource_id = ? AND version BETWEEN ? AND ?`;

/** The versions of customers and users: who changed what, and when. */
@Injectable()
export class HistoryService {
  private readonly inserts: BatchInsert;

  constructor(
    @InjectRepository(History) private readonly entries: Repository<History>,
    private readonly queries: DirectQueries,
    private readonly cursors: Cursors,
  ) {
    this.inserts = new BatchInsert(queries, 'history', entries.metadata.columns);
  }

  record(manager: EntityManager, entries: History[]): Promise<void> {
    return this.inserts.many(manager, entries);
  }

  /** The newest version that existed at `time`. */
  async findAt(resource: string, id: number, time: Date): Promise<PastVersion | undefined> {
    const parameters = [resource, id, resource, id, toSqlTime(time)];
    const [found] = await this.queries.query<PastRow>(FIND_AT, parameters);
    return found && { version: found.version, by: found.actor, at: fromSqlTime(found.time), state: parse(found.state) };
  }

  /**
   * All fields of `version`. Entries without a state, and versions without an entry, are derived from the current fields:
   * by undoing the later changes.
   */
  async stateOf(
    resource: string,
    id: number,
    version: number,
    current: State,
    manager?: EntityManager,
  ): Promise<State> {
    const read = <Row>(sql: string): Promise<Row[]> => {
      const parameters = [resource, id, version];
      return manager ? this.queries.executeIn(manager, sql, parameters) : this.queries.query(sql, parameters);
    };
    const [entry] = await read<{ state: string | State | null }>(STATE);
    if (entry?.state) return parse(entry.state);
    const state = { ...current };
    for (const { changes } of await read<{ changes: string | Changes }>(LATER_CHANGES))
      for (const [name, [before]] of Object.entries(parse(changes))) state[name] = before;
    return state;
  }

  /** Removes the values from all entries up to `version`; who changed the row, and when, remains. */
  async erase(manager: EntityManager, resource: string, id: number, version: number): Promise<void> {
    for (let first = 1; first <= version; first += BATCH_SIZE)
      await this.queries.writeIn(manager, ERASE, [resource, id, first, first + BATCH_SIZE - 1]);
  }

  /** All entries, newest first, read in batches. */
  async *all(resource: string, id: number): AsyncGenerator<HistoryEntry> {
    for (let before = MAX_ID; ;) {
      const where = { resource, resourceId: id, version: LessThan(before) };
      const found = await this.entries.find({
        where,
        select: LISTED,
        order: { version: 'DESC' },
        take: READ_BATCH_SIZE,
      });
      for (const entry of found) yield toHistoryEntry(entry);
      if (found.length < READ_BATCH_SIZE) return;
      before = found.at(-1)!.version;
    }
  }

  /** Newest first. */
  async list(
    resource: string,
    id: number,
    { limit = 50, cursor }: PageQuery,
  ): Promise<{ data: HistoryEntry[]; page: PageDto }> {
    const scope = `history of ${resource} ${id}`;
    const found = await this.entries.find({
      where: {
        resource,
        resourceId: id,
        ...(cursor && { version: LessThan(this.cursors.open<number>(cursor, scope)) }),
      },
      select: LISTED,
      order: { version: 'DESC' },
      take: limit + 1,
    });
    return this.cursors.page(found, limit, scope, ({ version }) => version, toHistoryEntry);
  }
}

interface PastRow {
  version: number;
  actor: number | null;
  time: string;
  state: string | State | null;
}

/** Some drivers parse JSON columns. */
const parse = <T>(json: string | T): T => (typeof json === 'string' ? (JSON.parse(json) as T) : json);
