import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, isSqlite } from './ddl.js';

const TABLES = ['users', 'customers'];

/** Lost updates are noticed by `version`; `deleted_at` says when a row was deleted, beside the old `is_deleted`. */
export class Versions1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES)
      await addColumns(runner, table, {
        version: `${isSqlite(runner) ? 'integer' : 'int'} NOT NULL DEFAULT 1`,
        deleted_at: isSqlite(runner) ? 'datetime NULL' : 'datetime(3) NULL',
      });
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await dropColumns(runner, table, ['version', 'deleted_at']);
  }
}
