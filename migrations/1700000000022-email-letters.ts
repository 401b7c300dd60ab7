import type { MigrationInterface, QueryRunner } from 'typeorm';
import { normalizeEmail } from '../src/text/email.js';
import { isSqlite } from './ddl.js';
import { addLiveEmail, EMAIL_KEY, noteExpression } from './live-email.js';

const TABLES = ['users', 'customers'];
const LOWER_CASE = 'LOWER(TRIM(email))';
/** What is not a visible ASCII character. */
const UNUSUAL = '[^!-~]';

/**
 * `live_email` keeps apart e-mails that are equal only because of such a letter. Unusual e-mails of the Flask service that
 * the API would not find, such as one with a trailing tab, are stored as it compares them.
 */
export class EmailLetters1700000000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await addLiveEmail(runner, table, EMAIL_KEY);
      await noteExpression(runner, table, EMAIL_KEY);
      if (!isSqlite(runner)) await normalizeUnusual(runner, table);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await addLiveEmail(runner, table, LOWER_CASE);
      await noteExpression(runner, table, LOWER_CASE);
    }
  }
}

async function normalizeUnusual(runner: QueryRunner, table: string): Promise<void> {
  const sql = `SELECT id, email, ${EMAIL_KEY} AS compared FROM ${table} WHERE email REGEXP '${UNUSUAL}'`;
  const rows = (await runner.query(sql)) as Array<{ id: number; email: string; compared: string }>;
  for (const { id, email, compared } of rows) {
    const normalized = normalizeEmail(email);
    if (normalized !== compared) await runner.query(`UPDATE ${table} SET email = ? WHERE id = ?`, [normalized, id]);
  }
}
