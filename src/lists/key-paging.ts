import { Injectable } from '@nestjs/common';
import { Problem } from '../common/errors.js';
import { Secrets } from '../config/secrets.js';
import { Sql, type SqlValue } from '../database/sql.js';
import type { Table } from '../database/table.js';
import type { PageDto } from './page.dto.js';

/** Counting goes no further than this: it would cost more than the page. */
const MOST_COUNTED = 10_000;
const MAC_BYTES = 12;

/** A column that a list can be sorted by. `value` is how the cursor keeps it: as the database compares it. */
export interface SortKey {
  /** What stands in the statement: from this program, never from a request. */
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

/** Conditions of a WHERE clause, and the values of their placeholders. */
export interface Filter {
  conditions: string[];
  values: SqlValue[];
}

export interface Page<Row> {
  rows: Row[];
  page: PageDto;
}

/**
 * Lists by key: a page starts behind the sort value and id of the last row before it, so that page 10,000 costs what
 * page 1 does, and rows that come or go in between neither repeat nor skip others.
 */
@Injectable()
export class KeyPaging {
  constructor(
    private readonly sql: Sql,
    private readonly secrets: Secrets,
  ) {}

  async list<Row extends { id: number }>(
    table: Table<Row>,
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
    if (cursor !== undefined) {
      const [value, id] = this.open(cursor, scope);
      if (key.sql === 'id') conditions.push(`id ${beyond} ?`);
      // written so that the first part is a range of the index: row comparisons are none for MySQL
      else conditions.push(`${key.sql} ${beyond}= ? AND (${key.sql} ${beyond} ? OR id ${beyond} ?)`);
      values.push(...(key.sql === 'id' ? [id] : [value, value, id]));
    }
    const order = key.sql === 'id' ? `id ${direction}` : `${key.sql} ${direction}, id ${direction}`;
    const [rows, total] = await Promise.all([
      table.select(`WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ${limit + 1}`, values),
      count ? this.count(table.name, filter) : undefined,
    ]);

    const last = rows.length > limit ? rows[limit - 1] : undefined;
    const next = last ? this.seal([key.value(last as never), last.id], scope) : null;
    return { rows: rows.slice(0, limit), page: { next, ...(total && { total }) } };
  }

  private async count(table: string, filter: Filter): Promise<PageDto['total']> {
    const where = filter.conditions.join(' AND ');
    const [row] = await this.sql.rows<{ n: number | string }>(
      `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} WHERE ${where} LIMIT ${MOST_COUNTED + 1}) AS counted`,
      filter.values,
    );
    const n = Number(row!.n);
    return n > MOST_COUNTED ? { value: MOST_COUNTED, relation: 'at_least' } : { value: n, relation: 'exact' };
  }

  /** Signed for its list, order and filters: a cursor of another list would silently skip rows. */
  private seal(position: [value: string | number, id: number], scope: string): string {
    const body = JSON.stringify(position);
    const mac = this.secrets.sign('cursor', scope + body).subarray(0, MAC_BYTES);
    return Buffer.concat([mac, Buffer.from(body)]).toString('base64url');
  }

  private open(cursor: string, scope: string): [value: string | number, id: number] {
    const bytes = Buffer.from(cursor, 'base64url');
    const body = bytes.subarray(MAC_BYTES).toString();
    const isOurs = bytes.toString('base64url') === cursor;
    if (!isOurs || !this.secrets.verifies('cursor', scope + body, bytes.subarray(0, MAC_BYTES)))
      throw Problem.invalid([
        {
          pointer: 'cursor',
          code: 'invalid_cursor',
          message: 'must be the `next` of a page of this list, with the same filters',
        },
      ]);
    return JSON.parse(body) as [string | number, number];
  }
}
