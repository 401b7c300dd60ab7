import { type Dialect, forceIndex, toSqlTime } from '../database/dialect.js';
import type { SqlValue } from '../database/direct-queries.js';
import type { Condition, Filter, IdSource } from './filter.js';
import type { SortKey } from './sort-key.js';

/** Builds the filter of a list. Each condition has an index, whose columns include `is_deleted`. */
export class Conditions implements Filter {
  readonly conditions: Condition[] = [];

  constructor(
    private readonly dialect: Dialect,
    private readonly table: string,
    readonly deleted: boolean,
  ) {}

  add(...conditions: Condition[]): void {
    this.conditions.push(...conditions);
  }

  /** Adds nothing without a value. */
  equals(column: string, value: SqlValue | undefined, index: string): void {
    if (value === undefined) return;
    const sql = `${column} = ?`;
    this.add({ sql, values: [value], column, sources: [[{ ...this.ids(index, sql, [value]), isOrderedById: true }]] });
  }

  matches(sql: string, values: SqlValue[], index: string): void {
    this.add({ sql, values, sources: [[this.ids(index, sql, values)]] });
  }

  since({ sql: column, index }: SortKey, time: Date | undefined): void {
    if (!time) return;
    const sql = `${column} >= ?`;
    const values = [toSqlTime(time)];
    this.add({ sql, values, column, sources: [[this.ids(index, sql, values)]] });
  }

  /** The ids of an index that satisfy a condition on its columns. */
  private ids(index: string, sql: string, values: SqlValue[]): IdSource {
    const rows = `${this.table} ${forceIndex(this.dialect, index)}`;
    return { sql: `SELECT id FROM ${rows} WHERE is_deleted = ${this.deleted ? 1 : 0} AND ${sql}`, values, index };
  }
}
