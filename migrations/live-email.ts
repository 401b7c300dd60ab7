import type { QueryRunner } from 'typeorm';
import { BINARY, dropColumns, dropIndex, isSqlite } from './ddl.js';

/** An e-mail is lower-cased unless that changes a letter into another one: the Kelvin sign into k, a dotted I into i. */
export const EMAIL_KEY = 'CASE WHEN UPPER(LOWER(email)) = UPPER(email) THEN LOWER(TRIM(email)) ELSE TRIM(email) END';

const ofLiveRows = (key: string): string => `CASE WHEN is_deleted = 0 THEN ${key} END`;

/**
 * Adds the generated column with its unique index, in place of an existing one. On a server in one statement, so that
 * instances of the previous release find the column at any time.
 */
export async function addLiveEmail(runner: QueryRunner, table: string, key: string): Promise<void> {
  const index = `uq_${table}_live_email`;
  const type = isSqlite(runner) ? 'varchar(120)' : `varchar(120) ${BINARY}`;
  const definition = `live_email ${type} GENERATED ALWAYS AS (${ofLiveRows(key)}) VIRTUAL`;
  if (isSqlite(runner)) {
    await dropIndex(runner, table, index);
    await dropColumns(runner, table, ['live_email']);
    await runner.query(`ALTER TABLE ${table} ADD ${definition}`);
    await runner.query(`CREATE UNIQUE INDEX ${index} ON ${table} (live_email)`);
    return;
  }
  const drop = (await runner.hasColumn(table, 'live_email')) ? `DROP INDEX ${index}, DROP COLUMN live_email,` : '';
  await runner.query(`ALTER TABLE ${table} ${drop} ADD COLUMN ${definition}, ADD UNIQUE INDEX ${index} (live_email)`);
}

/** Servers reword the expressions of generated columns; TypeORM's check for drift compares with its own note. */
export async function noteExpression(runner: QueryRunner, table: string, key: string): Promise<void> {
  const name = (column: string): string => runner.dataSource.driver.escape(column);
  const row = ['GENERATED_COLUMN', table, 'live_email'];
  const isRow = ['type', 'table', 'name'].map((column) => `${name(column)} = ?`).join(' AND ');
  await runner.query(`UPDATE typeorm_metadata SET ${name('value')} = ? WHERE ${isRow}`, [ofLiveRows(key), ...row]);
}
