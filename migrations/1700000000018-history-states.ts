import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

/**
 * `state` holds all fields after a change, so that reading or restoring an old version reads one row. `sequence` orders
 * changes for readers that must not miss one: ids and times are set before a commit, a sequence number is given after
 * it. Both are null in rows of earlier releases, and until a number is given.
 */
export class HistoryStates1700000000018 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'history', {
      state: 'json NULL',
      sequence: `${isSqlite(runner) ? 'integer' : 'int'} NULL`,
    });
    await createIndex(runner, 'history', 'uq_history_resource_sequence', 'resource, sequence', 'UNIQUE');
    const insert = isSqlite(runner) ? 'INSERT OR IGNORE' : 'INSERT IGNORE';
    await runner.query(`${insert} INTO mutexes (name) VALUES ('history_sequence')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM mutexes WHERE name = 'history_sequence'`);
    await dropIndex(runner, 'history', 'uq_history_resource_sequence');
    await dropColumns(runner, 'history', ['state', 'sequence']);
  }
}
