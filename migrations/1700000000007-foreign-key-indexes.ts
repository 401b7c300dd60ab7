import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, dropIndex, isSqlite } from './ddl.js';

const COLUMNS = {
  users: ['admin_privileges_by', 'created_by', 'modified_by'],
  customers: ['created_by', 'last_modified_by'],
};

/** MySQL made indexes for the foreign keys by itself, named like the column; ours are named like all the others. */
export class ForeignKeyIndexes1700000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const [table, columns] of Object.entries(COLUMNS))
      for (const column of columns) {
        await createIndex(runner, table, `ix_${table}_${column}`, column);
        if (!isSqlite(runner)) await dropIndex(runner, table, column);
      }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, columns] of Object.entries(COLUMNS))
      for (const column of columns) {
        if (!isSqlite(runner)) await createIndex(runner, table, column, column);
        await dropIndex(runner, table, `ix_${table}_${column}`);
      }
  }
}
