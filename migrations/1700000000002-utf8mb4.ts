import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BINARY, isSqlite } from './ddl.js';

/**
 * The Flask service's tables may be latin1, which knows neither Polish names nor emoji. E-mails, hashes and addresses
 * are compared as bytes: under a general collation `josé@` is `jose@`, and all emoji are equal. Werkzeug's scrypt
 * hashes have 162 characters.
 */
export class Utf8mb41700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    if (isSqlite(runner)) return;
    // in statements of their own: MySQL lets a CONVERT beside them win over what a MODIFY says
    for (const table of ['users', 'customers'])
      await runner.query(`ALTER TABLE ${table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
    await runner.query(`
      ALTER TABLE users
        MODIFY email varchar(120) ${BINARY} NULL,
        MODIFY password_hash varchar(255) ${BINARY} NULL`);
    await runner.query(`
      ALTER TABLE customers
        MODIFY email varchar(120) ${BINARY} NOT NULL,
        MODIFY photo_url varchar(120) ${BINARY} NULL`);
  }

  /** Stays: latin1 could not hold what has been written since, and the Flask service reads utf8mb4 as well. */
  async down(): Promise<void> {}
}
