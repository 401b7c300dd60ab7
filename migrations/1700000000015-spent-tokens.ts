import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, createIndex, isSqlite, UTF8MB4 } from './ddl.js';

/** One-time tokens that have been used. They carry all else with them, so that nothing is stored before. */
export class SpentTokens1700000000015 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS spent_tokens (
        id varchar(64) ${sqlite ? '' : BINARY} NOT NULL PRIMARY KEY,
        expires_at ${sqlite ? 'datetime' : 'datetime(3)'} NOT NULL
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await createIndex(runner, 'spent_tokens', 'ix_spent_tokens_expires_at', 'expires_at');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS spent_tokens');
  }
}
