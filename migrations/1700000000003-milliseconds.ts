import type { MigrationInterface, QueryRunner } from 'typeorm';
import { isSqlite } from './ddl.js';

/** Times to the millisecond, as the API gives them; SQLite keeps times as text of any precision. */
export class Milliseconds1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await setType(runner, 'datetime(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await setType(runner, 'datetime');
  }
}

async function setType(runner: QueryRunner, type: string): Promise<void> {
  if (isSqlite(runner)) return;
  await runner.query(`ALTER TABLE users MODIFY created_at ${type} NULL, MODIFY modified_at ${type} NULL`);
  await runner.query(
    `ALTER TABLE customers MODIFY created_at ${type} NOT NULL, MODIFY last_modified_at ${type} NOT NULL`,
  );
}
