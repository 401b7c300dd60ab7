import type { MigrationInterface, QueryRunner } from 'typeorm';
import { isSqlite } from './ddl.js';

/**
 * Earlier releases left deleted and replaced values in the free space of the embedded database's file, where erasing a
 * customer would not reach them.
 */
export class Vacuum1700000000034 implements MigrationInterface {
  /** SQLite does not vacuum inside a transaction. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    if (isSqlite(runner)) await runner.query('VACUUM');
  }

  async down(): Promise<void> {}
}
