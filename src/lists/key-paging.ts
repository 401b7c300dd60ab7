import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { dialectOf } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import type { EntityTable } from '../database/entity-table.js';
import { Cursors } from './cursors.js';
import type { Filter, IdSource } from './filter.js';
import { ListStatements, type Order, type Position, type SortKey } from './list-statements.js';
import type { PageDto } from './page.dto.js';

/** Counting stops here: a larger count would cost more than the page. */
const MAX_COUNTED = 10_000;
/** One of the attempts to make a page. */
interface Attempt {
  /** Ids that a condition may have for its rows to be read and sorted. */
  read: number;
  /** Otherwise: entries that are walked along the order of the list. Costs less for each, mostly. */
  walk: number;
}

const ATTEMPTS: readonly Attempt[] = [
  { read: 2_000, walk: 4_000 },
  { read: 32_000, walk: 256_000 },
  { read: 128_000, walk: 1_000_000 },
];

export interface ListRequest {
  limit?: number;
  cursor?: string;
  count?: boolean;
  /** A key of `sorts`, with `-` in front for descending. */
  sort: string;
}

export interface Page<Row> {
  rows: Row[];
  page: PageDto;
}

type Positioned<Row> = Row & { sortValue: string | number };

/**
 * Keyset pagination: a page starts after the sort value and id of the previous page's last row. Page 10,000 costs the
 * same as page 1, and inserts or deletes between two pages neither repeat nor skip rows.
 *
 * There are two ways to a page. If one of the conditions has few ids, their rows are read and sorted. If all have many,
 * the order of the list is walked until enough rows satisfy them. Where neither is sure to be cheap, the two take turns
 * with growing limits, so that the cost is a small multiple of the cheaper one's, however the conditions depend on each
 * other and on the order.
 */
@Injectable()
export class KeyPaging {
  /** Tests set other limits, as their tables are small. */
  attempts = ATTEMPTS;

  constructor(
    private readonly dataSource: DataSource,
    private readonly queries: DirectQueries,
    private readonly cursors: Cursors,
  ) {}

  async list<Row extends { id: number }>(
    table: EntityTable<Row>,
    sorts: Record<string, SortKey>,
    filter: Filter,
    { limit = 50, cursor, count, sort }: ListRequest,
  ): Promise<Page<Row>> {
    const statements = this.statements(table, sorts, filter, sort);
    const scope = JSON.stringify([table.name, sort, filter]);
    const after = cursor === undefined ? undefined : this.cursors.open<Position>(cursor, scope);
    const [found, total] = await Promise.all([
      this.rowsAfter(table, statements, after, limit + 1),
      count ? this.total(statements) : undefined,
    ]);
    const { data, page } = this.cursors.page(found, limit, scope, positionOf, (row): Row => row);
    return { rows: data, page: { ...page, ...(total && { total }) } };
  }

  private statements<Row extends { id: number }>(
    table: EntityTable<Row>,
    sorts: Record<string, SortKey>,
    filter: Filter,
    sort: string,
  ): ListStatements {
    const order: Order = { key: sorts[sort.replace(/^-/, '')]!, descending: sort.startsWith('-') };
    return new ListStatements(dialectOf(this.dataSource), table, filter, order);
  }

  private async rowsAfter<Row extends { id: number }>(
    table: EntityTable<Row>,
    statements: ListStatements,
    after: Position | undefined,
    limit: number,
  ): Promise<Array<Positioned<Row>>> {
    const rows: Array<Positioned<Row>> = [];
    let start = after;
    for (const { read, walk } of statements.isWalkSelective ? [] : this.attempts) {
      const { source, isEmpty } = await this.narrowest(statements, read);
      if (isEmpty) return [];
      if (source)
        return [...rows, ...(await table.read<Positioned<Row>>(statements.read(source, start, limit - rows.length)))];
      const end = await this.advance(statements, start, walk);
      rows.push(...(await table.read<Positioned<Row>>(statements.walk(start, end, limit - rows.length))));
      if (rows.length === limit || end === undefined) return rows;
      start = end;
    }
    return [...rows, ...(await table.read<Positioned<Row>>(statements.walk(start, undefined, limit - rows.length)))];
  }

  /** The ids of the condition that has the fewest, if there are no more than the limit. */
  private async narrowest(statements: ListStatements, limit: number): Promise<{ source?: IdSource; isEmpty: boolean }> {
    const { sources } = statements;
    const { sql, values } = statements.count(limit + 1);
    const [row] = await this.queries.query<Record<string, number | string>>(sql, values);
    const counts = new Map(sources.map((source, n) => [source, Number(row![`n${n}`])]));
    const fewest = statements.narrowest(counts)!;
    return { source: fewest.ids > limit ? undefined : fewest.source, isEmpty: fewest.ids === 0 };
  }

  /** Undefined if the list ends before. */
  private async advance(
    statements: ListStatements,
    after: Position | undefined,
    distance: number,
  ): Promise<Position | undefined> {
    const { sql, values } = statements.advance(after, distance);
    const [row] = await this.queries.query<{ value: string | number; id: number }>(sql, values);
    return row && [row.value, row.id];
  }

  private async total(statements: ListStatements): Promise<PageDto['total']> {
    let found: IdSource | undefined;
    for (const { read } of statements.isWalkSelective ? [] : this.attempts) {
      const { source, isEmpty } = await this.narrowest(statements, read);
      if (isEmpty) return { value: 0, relation: 'exact' };
      if ((found = source)) break;
    }
    const { sql, values } = statements.total(found, MAX_COUNTED + 1);
    const [row] = await this.queries.query<{ n: number | string }>(sql, values);
    const n = Number(row!.n);
    return n > MAX_COUNTED ? { value: MAX_COUNTED, relation: 'at_least' } : { value: n, relation: 'exact' };
  }
}

const positionOf = ({ sortValue, id }: Positioned<{ id: number }>): Position => [sortValue, id];
