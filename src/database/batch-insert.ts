import type { EntityManager } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { toSqlTime } from './dialect.js';
import type { DirectQueries, SqlValue, WriteResult } from './direct-queries.js';

/** Rows of one statement. A few sizes, as each is a prepared statement of its own; SQLite allows 32,766 parameters. */
const SIZES = [200, 20, 1];

/** Inserts rows with statements that are built once, several rows at a time. */
export class BatchInsert {
  private readonly columns: ColumnMetadata[];
  private readonly statements: Map<number, string>;

  constructor(
    private readonly queries: DirectQueries,
    table: string,
    columns: ColumnMetadata[],
  ) {
    this.columns = columns.filter((column) => column.isInsert && !column.isGenerated);
    const names = this.columns.map((column) => column.databaseName).join(', ');
    const row = `(${this.columns.map(() => '?').join(', ')})`;
    this.statements = new Map(
      SIZES.map((size) => [size, `INSERT INTO ${table} (${names}) VALUES ${Array<string>(size).fill(row).join(', ')}`]),
    );
  }

  one(manager: EntityManager, row: object): Promise<WriteResult> {
    return this.queries.writeIn(manager, this.statements.get(1)!, this.valuesOf([row]));
  }

  /** Without ids: drivers report only one of them, and a cluster leaves gaps between them. */
  async many(manager: EntityManager, rows: object[]): Promise<void> {
    for (let start = 0; start < rows.length;) {
      const size = SIZES.find((fitting) => fitting <= rows.length - start)!;
      await this.queries.writeIn(manager, this.statements.get(size)!, this.valuesOf(rows.slice(start, start + size)));
      start += size;
    }
  }

  private valuesOf(rows: object[]): SqlValue[] {
    const values: SqlValue[] = [];
    for (const row of rows)
      for (const { propertyName } of this.columns)
        values.push(toSqlValue((row as Record<string, unknown>)[propertyName]));
    return values;
  }
}

export function toSqlValue(value: unknown): SqlValue {
  if (value instanceof Date) return toSqlTime(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined || value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : (value as SqlValue);
}
