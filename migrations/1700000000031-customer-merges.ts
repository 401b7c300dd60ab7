import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, isSqlite, UTF8MB4 } from './ddl.js';

/** Which versions of two customers a merge created: the history of the one that stays says what was filled. */
export class CustomerMerges1700000000031 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const int = sqlite ? 'integer' : 'int';
    await runner.query(`
      CREATE TABLE IF NOT EXISTS customer_merges (
        from_id ${int} NOT NULL,
        from_version ${int} NOT NULL,
        into_id ${int} NOT NULL,
        into_version ${int} NOT NULL,
        PRIMARY KEY (from_id, from_version)
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await createIndex(runner, 'customer_merges', 'ix_customer_merges_into_id', 'into_id');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS customer_merges');
  }
}
