import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, createIndex, isSqlite, UTF8MB4 } from './ddl.js';

/** The answers that a repeated `Idempotency-Key` gets again. Keys are kept as hashes, answers are sealed. */
export class IdempotencyRecords1700000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const bytes = sqlite ? '' : BINARY;
    await runner.query(`
      CREATE TABLE IF NOT EXISTS idempotency_records (
        user_id ${sqlite ? 'integer' : 'int'} NOT NULL,
        key_hash varchar(64) ${bytes} NOT NULL,
        request_hash varchar(64) ${bytes} NOT NULL,
        answer text NULL,
        expires_at ${sqlite ? 'datetime' : 'datetime(3)'} NOT NULL,
        PRIMARY KEY (user_id, key_hash)
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await createIndex(runner, 'idempotency_records', 'ix_idempotency_records_expires_at', 'expires_at');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS idempotency_records');
  }
}
