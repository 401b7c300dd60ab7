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

/** The inverse of `toSqlTime`; the Flask service wrote times without a fraction. */
export const fromSqlTime = (text: string): Date => new Date(`${text.replace(' ', 'T')}Z`);

/** The drivers report it differently; TypeORM's own way costs another query. */
export function insertedId({ raw }: InsertResult): number {
  return typeof raw === 'object' ? (raw as { insertId: number }).insertId : Number(raw);
}

/** Introduces the assignments that an INSERT makes instead if a row with this key exists. */
export const onDuplicate = (dataSource: DataSource, key: string): string =>
  dialectOf(dataSource) === 'sqlite' ? `ON CONFLICT (${key}) DO UPDATE SET` : 'ON DUPLICATE KEY UPDATE';
