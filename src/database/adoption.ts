import type { DataSource, Migration, QueryRunner } from 'typeorm';
import { createIndex } from '../../migrations/ddl.js';
import { repairLegacyValues } from '../../migrations/legacy-values.js';
import { addLiveEmail, EMAIL_KEY } from '../../migrations/live-email.js';
import { migrationState } from './migration-state.js';

const TABLES = ['users', 'customers'];

/**
 * Prepares the database of the Flask service for migrations that were released before its legal oddities were known:
 *
 * - `Utf8mb4` converts e-mails to a collation under which `jorg@` and `jörg@` are equal, with the unique index of the
 *   Flask service in place. An ordinary index of the same name, which `LiveEmails` creates anyway, takes its place.
 * - `Milliseconds` copies dates, which fails for 30 February.
 * - `LiveEmails` creates a unique index over e-mails in a lower case that turns the Kelvin sign into k. Once it finds its
 *   column, it keeps it.
 *
 * Each step can be repeated after a crash.
 */
export async function prepareAdoption(dataSource: DataSource): Promise<Migration[]> {
  const runner = dataSource.createQueryRunner();
  try {
    const { pending } = await migrationState(dataSource);
    const index = dataSource.migrations.findIndex(({ constructor }) => constructor.name.startsWith('LiveEmails'));
    const isAdopted = !pending.includes(dataSource.migrations[index]!.constructor.name);
    if (isAdopted || !(await runner.hasTable('users')) || !(await runner.hasTable('customers'))) return [];
    for (const table of TABLES) await dropUniqueEmails(runner, table);
    await repairLegacyValues(runner);
    const applied = await runUntil(dataSource, index);
    for (const table of TABLES)
      if (!(await runner.hasColumn(table, 'live_email'))) await addLiveEmail(runner, table, EMAIL_KEY);
    return applied;
  } finally {
    await runner.release();
  }
}

/** Applies the pending ones of the first `count` migrations. */
async function runUntil(dataSource: DataSource, count: number): Promise<Migration[]> {
  const later = dataSource.migrations.splice(count);
  try {
    return await dataSource.runMigrations();
  } finally {
    dataSource.migrations.push(...later);
  }
}

async function dropUniqueEmails(runner: QueryRunner, table: string): Promise<void> {
  const unique = (await runner.query(
    `SELECT index_name AS name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ?
      GROUP BY index_name HAVING MAX(non_unique) = 0 AND COUNT(*) = 1 AND MAX(column_name) = 'email'`,
    [table],
  )) as Array<{ name: string }>;
  for (const { name } of unique)
    await runner.query(`ALTER TABLE ${table} DROP INDEX ${runner.dataSource.driver.escape(name)}`);
  // otherwise the first migration would create a unique one
  await createIndex(runner, table, `ix_${table}_email`, 'email');
}
