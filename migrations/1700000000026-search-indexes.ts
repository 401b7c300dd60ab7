import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, dropIndex } from './ddl.js';

/**
 * One index for each order of the lists and each filter, behind the filter that every list has. Every index ends with
 * the id, the second key of every order. Those of ids and times contain the other times: a list since one time in the
 * order of another skips most rows, which the index alone then shows.
 */
const INDEXES: Record<string, Record<string, string>> = {
  users: {
    ix_users_is_deleted_name_key: 'is_deleted, name_key',
    ix_users_is_deleted_surname_key: 'is_deleted, surname_key',
    ix_users_is_deleted_email_sort: 'is_deleted, email_sort',
    ix_users_is_deleted_admin: 'is_deleted, admin',
    ix_users_created_by_is_deleted: 'created_by, is_deleted',
    ix_users_is_stale: 'is_stale',
  },
  customers: {
    ix_customers_is_deleted_name_key: 'is_deleted, name_key',
    ix_customers_is_deleted_surname_key: 'is_deleted, surname_key',
    ix_customers_is_deleted_email_sort: 'is_deleted, email_sort',
    ix_customers_is_deleted_company_key: 'is_deleted, company_key',
    ix_customers_is_deleted_phone: 'is_deleted, phone',
    ix_customers_is_deleted_id: 'is_deleted, id, created_at, last_modified_at',
    ix_customers_is_deleted_created_at: 'is_deleted, created_at, id, last_modified_at',
    ix_customers_is_deleted_last_modified_at: 'is_deleted, last_modified_at, id, created_at',
    ix_customers_is_deleted_has_photo: 'is_deleted, has_photo',
    ix_customers_created_by_is_deleted: 'created_by, is_deleted',
    // for finding duplicates
    ix_customers_surname_key_name_key: 'surname_key, name_key',
    ix_customers_email_key: 'email_key',
    ix_customers_is_stale: 'is_stale',
  },
};

export class SearchIndexes1700000000026 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const [table, indexes] of Object.entries(INDEXES))
      for (const [name, columns] of Object.entries(indexes)) await createIndex(runner, table, name, columns);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, indexes] of Object.entries(INDEXES))
      for (const name of Object.keys(indexes)) await dropIndex(runner, table, name);
  }
}
