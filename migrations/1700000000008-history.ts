import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, isSqlite, UTF8MB4 } from './ddl.js';

/** Who changed what, when, and by which request: one row for every version of a customer or user. */
export class History1700000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const bytes = sqlite ? '' : BINARY;
    const int = sqlite ? 'integer' : 'int';
    await runner.query(`
      CREATE TABLE IF NOT EXISTS history (
        resource varchar(16) ${bytes} NOT NULL,
        resource_id ${int} NOT NULL,
        version ${int} NOT NULL,
        action varchar(32) ${bytes} NOT NULL,
        changed_by ${int} NULL,
        changed_at ${sqlite ? 'datetime' : 'datetime(3)'} NOT NULL,
        request_id varchar(64) ${bytes} NULL,
        changes json NOT NULL,
        PRIMARY KEY (resource, resource_id, version)
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS history');
  }
}
