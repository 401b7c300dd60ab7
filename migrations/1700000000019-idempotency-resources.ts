import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, BINARY, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

/** Names the row that a stored answer is about, so that the answers about an erased person can be found. */
export class IdempotencyResources1700000000019 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await addColumns(runner, 'idempotency_records', {
      resource: `varchar(16) ${sqlite ? '' : BINARY} NULL`,
      resource_id: `${sqlite ? 'integer' : 'int'} NULL`,
    });
    await createIndex(runner, 'idempotency_records', 'ix_idempotency_records_resource', 'resource, resource_id');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'idempotency_records', 'ix_idempotency_records_resource');
    await dropColumns(runner, 'idempotency_records', ['resource', 'resource_id']);
  }
}
