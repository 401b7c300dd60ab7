import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, isSqlite, UTF8MB4 } from './ddl.js';

/** Stored objects that must go although the bucket may be down now. The sweep does not find those of the Flask service. */
export class ObjectRemovals1700000000033 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS object_removals (
        object varchar(120) ${sqlite ? '' : BINARY} NOT NULL PRIMARY KEY
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS object_removals');
  }
}
