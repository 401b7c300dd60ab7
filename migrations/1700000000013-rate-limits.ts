import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, createIndex, isSqlite, UTF8MB4 } from './ddl.js';

/** What is counted to slow down those who guess passwords. */
export class RateLimits1700000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS rate_limits (
        name varchar(64) ${sqlite ? '' : BINARY} NOT NULL PRIMARY KEY,
        points ${sqlite ? 'integer' : 'int'} NOT NULL,
        expires_at ${sqlite ? 'datetime' : 'datetime(3)'} NOT NULL
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await createIndex(runner, 'rate_limits', 'ix_rate_limits_expires_at', 'expires_at');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS rate_limits');
  }
}
