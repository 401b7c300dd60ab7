import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, isSqlite, UTF8MB4 } from './ddl.js';

/**
 * Rows that transactions change to exclude each other. A lock would not do in a cluster: its nodes do not see each
 * other's locks, but they refuse one of two transactions that changed the same row.
 */
export class Mutexes1700000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS mutexes (
        name varchar(32) ${sqlite ? '' : BINARY} NOT NULL PRIMARY KEY,
        turn ${sqlite ? 'integer' : 'int'} NOT NULL DEFAULT 0
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await runner.query(`${sqlite ? 'INSERT OR IGNORE' : 'INSERT IGNORE'} INTO mutexes (name) VALUES ('admins')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS mutexes');
  }
}
