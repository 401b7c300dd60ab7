import type { DataSource, InsertResult } from 'typeorm';

/** The databases that the service runs on; everything that differs between them is asked for here. */
export type Dialect = 'sqlite' | 'mysql' | 'mariadb';

export function dialectOf(dataSource: DataSource): Dialect {
  const { type } = dataSource.options;
  if (type === 'better-sqlite3') return 'sqlite';
  if (type === 'mysql' || type === 'mariadb') return type;
  throw new Error(`No dialect for ${type}`);
}

/** Keeps others from changing the rows read until the transaction ends. On SQLite the whole transaction excludes them. */
export const forUpdate = (dataSource: DataSource): string => (dialectOf(dataSource) === 'sqlite' ? '' : ' FOR UPDATE');

/** A time as all three databases store and compare it: UTC, milliseconds, no zone (DATETIME has none). */
export const toSqlTime = (time: Date): string => time.toISOString().replace('T', ' ').slice(0, 23);

/** The inverse; the fraction is missing in what the Flask service wrote. */
export const fromSqlTime = (text: string): Date => new Date(`${text.replace(' ', 'T')}Z`);

/** The drivers report it differently; TypeORM's own way costs a query more. */
export function insertedId({ raw }: InsertResult): number {
  return typeof raw === 'object' ? (raw as { insertId: number }).insertId : Number(raw);
}

/** Begins what an INSERT does instead if there is a row with this key. */
export const onDuplicate = (dataSource: DataSource, key: string): string =>
  dialectOf(dataSource) === 'sqlite' ? `ON CONFLICT (${key}) DO UPDATE SET` : 'ON DUPLICATE KEY UPDATE';
