import type { DataSource, InsertResult } from 'typeorm';

/** The databases that the service supports. Whatever differs between them is in this file. */
export type Dialect = 'sqlite' | 'mysql' | 'mariadb';

export function dialectOf(dataSource: DataSource): Dialect {
  const { type } = dataSource.options;
  if (type === 'better-sqlite3') return 'sqlite';
  if (type === 'mysql' || type === 'mariadb') return type;
  throw new Error(`No dialect for ${type}`);
}

/** Locks the rows read until the transaction ends. SQLite has no row locks: its write transactions exclude each other. */
export const forUpdate = (dataSource: DataSource): string => (dialectOf(dataSource) === 'sqlite' ? '' : ' FOR UPDATE');

/** A time as all three databases store and compare it: UTC, milliseconds, no zone (DATETIME has none). */
export const toSqlTime = (time: Date): string => time.toISOString().replace('T', ' ').slice(0, 23);

/** The inverse of `toSqlTime`, whatever the time zone of the process; the Flask service wrote times without a fraction. */
export const fromSqlTime = (text: string): Date => new Date(`${text.replace(' ', 'T')}Z`);

/** The drivers report it differently; TypeORM's own way costs another query. */
export function insertedId({ raw }: InsertResult): number {
  return typeof raw === 'object' ? (raw as { insertId: number }).insertId : Number(raw);
}

/** Introduces the assignments that an INSERT makes instead if a row with this key exists. */
export const onDuplicate = (dataSource: DataSource, key: string): string =>
  dialectOf(dataSource) === 'sqlite' ? `ON CONFLICT (${key}) DO UPDATE SET` : 'ON DUPLICATE KEY UPDATE';

/** Follows a table's name. SQLite refuses a statement that cannot use the index; servers then read the whole table. */
export const forceIndex = (dialect: Dialect, index: string): string =>
  dialect === 'sqlite' ? `INDEXED BY ${index}` : `FORCE INDEX (${index})`;

/** A column of a JSON array of arrays. */
export interface JsonColumn {
  name: string;
  type: string;
}

/**
 * The rows of a JSON array of arrays, which a placeholder stands for, as a table: one constant statement, and thus one
 * prepared statement, for any number of rows.
 */
export function jsonRows(dialect: Dialect, columns: JsonColumn[]): string {
  if (dialect === 'sqlite') {
    const values = columns.map(({ name }, index) => `json_extract(value, '$[${index}]') AS ${name}`);
    return `(SELECT ${values.join(', ')} FROM json_each(?))`;
  }
  const definitions = columns.map(({ name, type }, index) => `${name} ${type} PATH '$[${index}]'`);
  return `JSON_TABLE(?, '$[*]' COLUMNS (${definitions.join(', ')}))`;
}
