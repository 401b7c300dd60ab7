import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, isSqlite } from './ddl.js';

/** A merged customer is deleted and names the one that stays; of an erased one only the id and times remain. */
export class MergedAndErasedCustomers1700000000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await addColumns(runner, 'customers', {
      merged_into: `${sqlite ? 'integer' : 'int'} NULL`,
      erased_at: `${sqlite ? 'datetime' : 'datetime(3)'} NULL`,
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropColumns(runner, 'customers', ['merged_into', 'erased_at']);
  }
}
