import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, BINARY, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

const TABLES = ['users', 'customers'];
const LIVE_EMAIL = 'CASE WHEN is_deleted = 0 THEN LOWER(TRIM(email)) END';

/**
 * E-mails are unique among the living, as bytes after trimming and lower-casing; a deleted row gives its own free. The
 * unique index of the Flask service counted the deleted as well; an ordinary one of the same name takes its place.
 */
export class LiveEmails1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const type = isSqlite(runner) ? 'varchar(120)' : `varchar(120) ${BINARY}`;
    for (const table of TABLES) {
      await addColumns(runner, table, { live_email: `${type} GENERATED ALWAYS AS (${LIVE_EMAIL}) VIRTUAL` });
      await noteExpression(runner, table);
      await createIndex(runner, table, `uq_${table}_live_email`, 'live_email', 'UNIQUE');
      await dropIndex(runner, table, `ix_${table}_email`);
      await createIndex(runner, table, `ix_${table}_email`, 'email');
    }
  }

  /** The unique index does not come back: rows that share the e-mail of a deleted one may exist by now. */
  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await dropIndex(runner, table, `uq_${table}_live_email`);
      await dropColumns(runner, table, ['live_email']);
    }
  }
}

/** Servers reword the expressions of generated columns; TypeORM's check for drift compares with its own note. */
async function noteExpression(runner: QueryRunner, table: string): Promise<void> {
  const name = (column: string): string => runner.dataSource.driver.escape(column);
  const note = ['GENERATED_COLUMN', table, 'live_email'];
  await runner.query(
    `DELETE FROM typeorm_metadata WHERE ${name('type')} = ? AND ${name('table')} = ? AND ${name('name')} = ?`,
    note,
  );
  await runner.query(
    `INSERT INTO typeorm_metadata (${['type', 'table', 'name', 'schema', 'value'].map(name).join(', ')}) VALUES (?, ?, ?, ?, ?)`,
    [...note, isSqlite(runner) ? null : await runner.getCurrentDatabase(), LIVE_EMAIL],
  );
}
