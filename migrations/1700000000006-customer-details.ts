import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, BINARY, dropColumns, isSqlite } from './ddl.js';

/** What the API knows of a customer and the Flask service did not. */
export class CustomerDetails1700000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'customers', {
      phone: `varchar(16) ${isSqlite(runner) ? '' : BINARY} NULL`,
      company: 'varchar(120) NULL',
      notes: 'text NULL',
    });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropColumns(runner, 'customers', ['phone', 'company', 'notes']);
  }
}
