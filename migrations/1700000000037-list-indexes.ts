import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, dropIndex } from './ddl.js';

type Indexes = Record<string, Record<string, string>>;

/**
 * In the orders by id and time, with all columns of the filters that can leave a long part of the list without a match:
 * an index alone then shows where the matches begin.
 */
const ADDED: Indexes = {
  customers: {
    ix_customers_listed_id: 'is_deleted, id, created_at, last_modified_at, created_by, erased_at',
    ix_customers_listed_created_at: 'is_deleted, created_at, id, last_modified_at, created_by, erased_at',
    ix_customers_listed_last_modified_at: 'is_deleted, last_modified_at, id, created_at, created_by, erased_at',
  },
};

/** What the added ones replace; and indexes of foreign keys with which others begin. */
const DROPPED: Indexes = {
  users: { ix_users_created_by: 'created_by' },
  customers: {
    ix_customers_created_by: 'created_by',
    ix_customers_is_deleted_id: 'is_deleted, id, created_at, last_modified_at',
    ix_customers_is_deleted_created_at: 'is_deleted, created_at, id, last_modified_at',
    ix_customers_is_deleted_last_modified_at: 'is_deleted, last_modified_at, id, created_at',
  },
};

export class ListIndexes1700000000037 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await create(runner, ADDED);
    await drop(runner, DROPPED);
  }

  async down(runner: QueryRunner): Promise<void> {
    await create(runner, DROPPED);
    await drop(runner, ADDED);
  }
}

async function create(runner: QueryRunner, indexes: Indexes): Promise<void> {
  for (const [table, ofTable] of Object.entries(indexes))
    for (const [name, columns] of Object.entries(ofTable)) await createIndex(runner, table, name, columns);
}

async function drop(runner: QueryRunner, indexes: Indexes): Promise<void> {
  for (const [table, ofTable] of Object.entries(indexes))
    for (const name of Object.keys(ofTable)) await dropIndex(runner, table, name);
}
