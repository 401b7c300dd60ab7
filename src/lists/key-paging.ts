import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { dialectOf } from '../database/dialect.js';
import { DirectQueries, type Reads } from '../database/direct-queries.js';
import type { EntityTable } from '../database/entity-table.js';
import { Cursors } from './cursors.js';
import type { Filter, IdSource } from './filter.js';
import { ListReader, type Positioned } from './list-reader.js';
import { ListStarts } from './list-starts.js';
import { ListStatements, type Order, type Position } from './list-statements.js';
import type { PageDto } from './page.dto.js';
import type { Sorts } from './sort-key.js';

/** Counting stops here: a larger count would cost more than the page. */
const MAX_COUNTED = 10_000;

/** One of the attempts to make a page. */
interface Attempt {
  /** Ids that a condition may have for them to be read and sorted. */
  read: number;
  /** The same where an index is enough to sort them; default: `read`. */
  sort?: number;
  /** Otherwise: entries that are walked along the order of the list. */
  walk: number;
}

/** The last one repeats its walk. */
const ATTEMPTS: readonly Attempt[] = [
  { read: 2_000, walk: 1_000 },
  { read: 4_000, sort: 16_000, walk: 4_000 },
  { read: 8_000, sort: 64_000, walk: 16_000 },
  { read: 32_000, sort: 256_000, walk: 64_000 },
  { read: 128_000, sort: 256_000, walk: 256_000 },
];

/** So many entries that an index decides take no longer than one row. */
const ENTRIES_PER_ROW = 16;

export interface ListRequest {
  limit?: number;
  cursor?: string;
  count?: boolean;
  /** A key of `sorts`, with `-` in front for descending. */
  sort: string;
  /** Whether rows join the list only when they are modified: where it begins can then be remembered. */
  remember?: boolean;
}

export interface Page<Row> {
  rows: Row[];
  page: PageDto;
}

/**
 * Keyset pagination: a page starts after the sort value and id of the previous page's last row. Page 10,000 costs the
 * same as page 1, and inserts or deletes between two pages neither repeat nor skip rows.
 *
 * There are two ways to a page. If one of the conditions has few ids, these are read and sorted. If all have many,
 * the order of the list is walked until enough rows satisfy them. Where neither is sure to be cheap, the two take turns
 * with growing limits, so that the cost is a small multiple of the cheaper one's, however the conditions depend on each
 * other and on the order. Where a list begins is remembered if that took long to find.
 */
@Injectable()
export class KeyPaging {
  /** Tests set other limits, as their tables are small. */
  attempts: readonly Attempt[] = ATTEMPTS;
  private readonly starts: ListStarts;

  constructor(
    private readonly dataSource: DataSource,
    private readonly queries: DirectQueries,
    private readonly cursors: Cursors,
    clock: Clock,
  ) {
    this.starts = new ListStarts(clock);
  }

  async list<Row extends { id: number }>(
    table: EntityTable<Row>,
    sorts: Sorts,
    filter: Filter,
    { limit = 50, cursor, count, sort, remember = false }: ListRequest,
    reads: Reads = this.queries,
  ): Promise<Page<Row>> {
    const order: Order = { key: sorts[sort.replace(/^-/, '')]!, descending: sort.startsWith('-') };
    const statements = new ListStatements({ dialect: dialectOf(this.dataSource), table, sorts }, filter, order);
    const reader = new ListReader(reads, table, statements);
    const scope = JSON.stringify([table.name, sort, filter]);
    const after = cursor === undefined ? undefined : this.cursors.open<Position>(cursor, scope);
    const read = (start?: Position, onLong?: () => void): Promise<Array<Positioned<Row>>> =>
      this.rowsAfter(reader, start, limit + 1, onLong);
    const [found, total] = await Promise.all([
      remember && !after ? this.starts.read(reader, scope, read) : read(after),
      count ? this.total(reader, reads) : undefined,
    ]);
    const { data, page } = this.cursors.page(found, limit, scope, positionOf, (row): Row => row);
    return { rows: data, page: { ...page, ...(total && { total }) } };
  }

  /** `onLong` is called if the first attempt was not enough. */
  private async rowsAfter<Row extends { id: number }>(
    reader: ListReader<Row>,
    after: Position | undefined,
    limit: number,
    onLong?: () => void,
  ): Promise<Array<Positioned<Row>>> {
    const last = this.attempts.at(-1);
    if (!last || reader.statements.isWalkSelective) return reader.walk({ after }, limit);
    const rows: Array<Positioned<Row>> = [];
    let start = after;
    let walked = 0;
    for (let attempt = 0; ; attempt++) {
      if (attempt === 1) onLong?.();
      const { read, sort = read, walk } = this.attempts[attempt] ?? { read: 0, walk: last.walk };
      const ids = reader.statements.sortsInIndex ? sort : read;
      // if as many of the next entries are in the list as of the last ones, the page ends sooner than ids are sorted
      const isEndNear = rows.length > 0 && (walked / rows.length) * (limit - rows.length) <= ids;
      if (!isEndNear) {
        const { source, isEmpty } = await reader.narrowest(ids);
        if (isEmpty) return rows;
        if (source) return [...rows, ...(await reader.read(source, { after: start }, limit - rows.length))];
      }
      const end = await reader.advance(start, reader.statements.isCovered ? walk * ENTRIES_PER_ROW : walk);
      rows.push(...(await reader.walk({ after: start, until: end }, limit - rows.length)));
      if (rows.length === limit || end === undefined) return rows;
      walked += walk;
      start = end;
    }
  }

  private async total<Row extends { id: number }>(reader: ListReader<Row>, reads: Reads): Promise<PageDto['total']> {
    const { statements } = reader;
    let found: IdSource | undefined;
    for (const { read } of statements.isWalkSelective ? [] : this.attempts) {
      const { source, isEmpty } = await reader.narrowest(read);
      if (isEmpty) return { value: 0, relation: 'exact' };
      if ((found = source)) break;
    }
    const { sql, values } = statements.total(found, MAX_COUNTED + 1);
    const [row] = await reads.query<{ n: number | string }>(sql, values);
    const n = Number(row!.n);
    return n > MAX_COUNTED ? { value: MAX_COUNTED, relation: 'at_least' } : { value: n, relation: 'exact' };
  }
}

const positionOf = ({ sortValue, id }: Positioned<{ id: number }>): Position => [sortValue, id];
