import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, dropIndex } from './ddl.js';

/** Finds the version of a time without reading the entries of all versions, which contain their changes and states. */
export class HistoryTimes1700000000036 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const columns = 'resource, resource_id, changed_at, version';
    await createIndex(runner, 'history', 'ix_history_changed_at', columns);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'history', 'ix_history_changed_at');
  }
}
