import type { MigrationInterface, QueryRunner } from 'typeorm';
import { isSqlite } from './ddl.js';

/** Of all instances one looks for photos that no row names, once a day: the one that sets this row to the day. */
export class PhotoSweep1700000000017 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const insert = isSqlite(runner) ? 'INSERT OR IGNORE' : 'INSERT IGNORE';
    await runner.query(`${insert} INTO mutexes (name) VALUES ('photo_sweep')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM mutexes WHERE name = 'photo_sweep'`);
  }
}
