import { Injectable } from '@nestjs/common';
import { DirectQueries, type SqlValue } from '../database/direct-queries.js';
import type { EntityTable } from '../database/entity-table.js';
import { Cursors } from './cursors.js';
import type { PageDto } from './page.dto.js';

/** Counting stops here: a larger count would cost more than the page. */
const MAX_COUNTED = 10_000;

/** A column that a list can be sorted by. `value` is what the cursor stores, in the form that the database compares. */
export interface SortKey {
  /** Part of the statement: a constant of the source, never a value of a request. */
  sql: string;
  value: (row: never) => string | number;
}

export interface ListRequest {
  limit?: number;
  cursor?: string;
  count?: boolean;
  /** A key of `sorts`, with `-` in front for descending. */
  sort: string;
}

/** Conditions of a WHERE clause, with the values of their placeholders. */
export interface Filter {
  conditions: string[];
  values: SqlValue[];
}

export interface Page<Row> {
  rows: Row[];
  page: PageDto;
}

/**
 * Keyset pagination: a page starts after the sort value and id of the previous page's last row. Page 10,000 costs the
 * same as page 1, and inserts or deletes between two pages neither repeat nor skip rows.
 */
@Injectable()
export class KeyPaging {
  constructor(
    private readonly sql: DirectQueries,
    private readonly cursors: Cursors,
  ) {}

  async list<Row extends { id: number }>(
    table: EntityTable<Row>,
    sorts: Record<string, SortKey>,
    filter: Filter,
    { limit = 50, cursor, count, sort }: ListRequest,
  ): Promise<Page<Row>> {
    const descending = sort.startsWith('-');
    const key = sorts[sort.replace(/^-/, '')]!;
    const [direction, beyond] = descending ? ['DESC', '<'] : ['ASC', '>'];
    const scope = JSON.stringify([table.name, sort, filter]);

    const conditions = [...filter.conditions];
    const values = [...filter.values];
    const add = (condition: string, ...added: SqlValue[]): void => {
      conditions.push(condition);
      values.push(...added);
    };
    if (cursor !== undefined) {
      const [value, id] = this.cursors.open<[string | number, number]>(cursor, scope);
      if (key.sql === 'id') add(`id ${beyond} ?`, id);
      // SQLite needs the first condition to use the index; with the second alone it scans from the start of the list
      else
        add(
          `${key.sql} ${beyond}= ? AND (${key.sql} ${beyond} ? OR (${key.sql} = ? AND id ${beyond} ?))`,
          value,
          value,
          value,
          id,
        );
    }
    const order = key.sql === 'id' ? `id ${direction}` : `${key.sql} ${direction}, id ${direction}`;
    const [rows, total] = await Promise.all([
      table.select(`WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ?`, [...values, limit + 1]),
      count ? this.count(table.name, filter) : undefined,
    ]);

    const positionOf = (row: Row): unknown => [key.value(row as never), row.id];
    const { data, page } = this.cursors.page(rows, limit, scope, positionOf, (row) => row);
    return { rows: data, page: { ...page, ...(total && { total }) } };
  }

  private async count(table: string, filter: Filter): Promise<PageDto['total']> {
    const where = filter.conditions.join(' AND ');
    const [row] = await this.sql.query<{ n: number | string }>(
      `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} WHERE ${where} LIMIT ${MAX_COUNTED + 1}) AS counted`,
      filter.values,
    );
    const n = Number(row!.n);
    return n > MAX_COUNTED ? { value: MAX_COUNTED, relation: 'at_least' } : { value: n, relation: 'exact' };
  }
}
