import type { DataSource, EntityManager, EntityTarget, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { BatchedReads } from './batched-reads.js';
import { forUpdate, fromSqlTime, toSqlTime } from './dialect.js';
import { type DirectQueries, type SqlValue } from './direct-queries.js';

type Raw = Record<string, unknown>;

/**
 * Reads and writes rows of one entity with statements built once from its metadata, rather than by the query builder for
 * every call. Point reads that arrive together become one `IN` query.
 */
export class EntityTable<Row extends ObjectLiteral & { id: number }> {
  readonly name: string;
  private readonly selection: string;
  private readonly dates: string[];
  private readonly booleans: string[];
  private readonly lockClause: string;
  private readonly insertStatement: Statement;
  private readonly updateStatement: Statement;
  private readonly batchedReads: BatchedReads<Row>;

  constructor(
    dataSource: DataSource,
    private readonly queries: DirectQueries,
    entity: EntityTarget<Row>,
  ) {
    const { tableName, columns } = dataSource.getMetadata(entity);
    const selected = columns.filter((column) => column.isSelect);
    const namesOf = (type: string): string[] =>
      selected.filter((column) => column.type === type).map((column) => column.propertyName);
    this.name = tableName;
    this.selection = selected.map((column) => `${column.databaseName} AS ${column.propertyName}`).join(', ');
    this.dates = namesOf('datetime');
    this.booleans = namesOf('boolean');
    this.lockClause = forUpdate(dataSource);
    this.insertStatement = insertInto(tableName, columns);
    this.updateStatement = updateOf(tableName, columns);
    this.batchedReads = new BatchedReads(async (ids) => {
      const sql = `SELECT ${this.selection} FROM ${this.name} WHERE id IN (${ids.map(() => '?').join(', ')})`;
      return (await this.queries.execute<Raw>(sql, ids)).map((row) => this.hydrate(row));
    });
  }

  /** By id, deleted rows too. */
  find(id: number): Promise<Row | undefined> {
    return this.batchedReads.find(id);
  }

  async select(rest: string, parameters: SqlValue[]): Promise<Row[]> {
    const rows = await this.queries.query<Raw>(`SELECT ${this.selection} FROM ${this.name} ${rest}`, parameters);
    return rows.map((row) => this.hydrate(row));
  }

  /** The newest committed row, locked until the transaction ends. */
  async lockById(manager: EntityManager, id: number): Promise<Row | undefined> {
    const sql = `SELECT ${this.selection} FROM ${this.name} WHERE id = ?${this.lockClause}`;
    const [row] = await this.queries.executeIn<Raw>(manager, sql, [id]);
    return row && this.hydrate(row);
  }

  /** The id that the database gave the new row. */
  async insert(manager: EntityManager, row: Omit<Row, 'id'>): Promise<number> {
    const { sql, properties } = this.insertStatement;
    const { insertId } = await this.queries.writeIn(manager, sql, valuesOf(row, properties));
    return insertId;
  }

  /**
   * Writes every column of the row if its `version` is still the given one; false if it is not. All columns, so that
   * each table has one prepared UPDATE.
   */
  async updateVersion(manager: EntityManager, row: Row, version: number): Promise<boolean> {
    const { sql, properties } = this.updateStatement;
    const values = [...valuesOf(row, properties), row.id, version];
    return (await this.queries.writeIn(manager, sql, values)).affectedRows === 1;
  }

  /** The inverse of `JSON.stringify(row)`. */
  revive(row: Row): Row {
    const raw = row as Raw;
    for (const name of this.dates) if (raw[name] !== null) raw[name] = new Date(raw[name] as string);
    return row;
  }

  private hydrate(raw: Raw): Row {
    for (const name of this.dates) {
      const value = raw[name];
      if (typeof value === 'string') raw[name] = fromSqlTime(value);
    }
    for (const name of this.booleans) {
      const value = raw[name];
      if (value !== null) raw[name] = value === 1;
    }
    return raw as Row;
  }
}

interface Statement {
  sql: string;
  /** Whose values its placeholders take, in this order. */
  properties: string[];
}

export function insertInto(table: string, columns: ColumnMetadata[]): Statement {
  const inserted = columns.filter((column) => column.isInsert && !column.isGenerated);
  const names = inserted.map((column) => column.databaseName).join(', ');
  const sql = `INSERT INTO ${table} (${names}) VALUES (${inserted.map(() => '?').join(', ')})`;
  return { sql, properties: inserted.map((column) => column.propertyName) };
}

function updateOf(table: string, columns: ColumnMetadata[]): Statement {
  const updated = columns.filter((column) => column.isUpdate && !column.isPrimary);
  const assignments = updated.map((column) => `${column.databaseName} = ?`).join(', ');
  const sql = `UPDATE ${table} SET ${assignments} WHERE id = ? AND version = ?`;
  return { sql, properties: updated.map((column) => column.propertyName) };
}

export const valuesOf = (row: object, properties: string[]): SqlValue[] =>
  properties.map((name) => toSqlValue((row as Raw)[name]));

function toSqlValue(value: unknown): SqlValue {
  if (value instanceof Date) return toSqlTime(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined || value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : (value as SqlValue);
}
