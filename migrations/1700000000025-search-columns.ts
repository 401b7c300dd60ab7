import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, addVirtualColumn, BINARY, dropColumns, isSqlite, UTF8MB4 } from './ddl.js';

const TABLES = ['users', 'customers'];
const WORD_TABLES = ['user_words', 'customer_words'];
const COMMON = ['name_key', 'surname_key', 'email_sort', 'search_text', 'indexed_at'];

/** Null-safe: the Flask service may have left users without a modification time. */
const STALE = {
  users: 'CASE WHEN indexed_at = modified_at OR (modified_at IS NULL AND indexed_at IS NOT NULL) THEN 0 ELSE 1 END',
  customers: 'CASE WHEN indexed_at = last_modified_at THEN 0 ELSE 1 END',
};
const HAS_PHOTO = 'CASE WHEN photo_key IS NOT NULL OR LENGTH(photo_url) > 0 THEN 1 ELSE 0 END';

/**
 * Folded names for sorting and filters, and the words of every row. The service computes them, so that they are the
 * same on every database. `is_stale` marks rows that another writer has changed since: at first, all of them. They are
 * filled in after the migrations, in batches.
 */
export class SearchColumns1700000000025 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const bytes = sqlite ? '' : BINARY;
    const boolean = sqlite ? 'boolean' : 'tinyint(1)';
    const key = `varchar(160) ${bytes}`;
    for (const table of TABLES)
      await addColumns(runner, table, {
        name_key: `${key} NOT NULL DEFAULT ''`,
        surname_key: `${key} NOT NULL DEFAULT ''`,
        email_sort: `${key} NOT NULL DEFAULT ''`,
        search_text: `text ${bytes} NULL`,
        indexed_at: sqlite ? 'datetime NULL' : 'datetime(3) NULL',
      });
    await addColumns(runner, 'customers', { company_key: `${key} NULL`, email_key: `varchar(120) ${bytes} NULL` });
    await addVirtualColumn(runner, 'users', 'is_stale', boolean, STALE.users);
    await addVirtualColumn(runner, 'customers', 'is_stale', boolean, STALE.customers);
    await addVirtualColumn(runner, 'customers', 'has_photo', boolean, HAS_PHOTO);
    for (const table of WORD_TABLES)
      await runner.query(`
        CREATE TABLE IF NOT EXISTS ${table} (
          is_deleted ${boolean} NOT NULL,
          word varchar(32) ${bytes} NOT NULL,
          id ${sqlite ? 'integer' : 'int'} NOT NULL,
          PRIMARY KEY (is_deleted, word, id)
        ) ${sqlite ? 'WITHOUT ROWID' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await runner.query(`${sqlite ? 'INSERT OR IGNORE' : 'INSERT IGNORE'} INTO mutexes (name) VALUES ('search_index')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM mutexes WHERE name = 'search_index'`);
    for (const table of WORD_TABLES) await runner.query(`DROP TABLE IF EXISTS ${table}`);
    await dropColumns(runner, 'customers', ['has_photo', 'is_stale', 'email_key', 'company_key', ...COMMON]);
    await dropColumns(runner, 'users', ['is_stale', ...COMMON]);
  }
}
