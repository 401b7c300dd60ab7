import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addVirtualColumn, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

const COLUMNS = { created_sort: 'created_at', modified_sort: 'modified_at' };

/** Users of the Flask service may lack a time; they sort first. An index cannot hold that order by itself. */
export class UserOrder1700000000027 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const epoch = `${sqlite ? '' : 'TIMESTAMP'}'1970-01-01 00:00:00.000'`;
    for (const [name, column] of Object.entries(COLUMNS))
      await addVirtualColumn(
        runner,
        'users',
        name,
        sqlite ? 'datetime' : 'datetime(3)',
        `COALESCE(${column}, ${epoch})`,
        `COALESCE(${column}, '1970-01-01 00:00:00.000')`,
      );
    await createIndex(runner, 'users', 'ix_users_is_deleted_created_sort', 'is_deleted, created_sort');
    await createIndex(runner, 'users', 'ix_users_is_deleted_modified_sort', 'is_deleted, modified_sort');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'users', 'ix_users_is_deleted_created_sort');
    await dropIndex(runner, 'users', 'ix_users_is_deleted_modified_sort');
    await dropColumns(runner, 'users', Object.keys(COLUMNS));
  }
}
