import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

/** The answer of a merge contains fields of both customers: erasing either of them erases it. */
export class RelatedAnswers1700000000032 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'idempotency_records', {
      related_id: `${isSqlite(runner) ? 'integer' : 'int'} NULL`,
    });
    await createIndex(runner, 'idempotency_records', 'ix_idempotency_records_related', 'resource, related_id');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'idempotency_records', 'ix_idempotency_records_related');
    await dropColumns(runner, 'idempotency_records', ['related_id']);
  }
}
