import type { DataSource } from 'typeorm';
import { type Env, loadEnv } from '../config/env.js';
import { migrationError } from '../database/connection-error.js';
import { connectionOptions, openDataSource, withoutTimeouts } from '../database/data-source.js';
import { withLock } from '../database/locks.js';
import { applyPendingMigrations } from '../database/migrate.js';
import { migrationState } from '../database/migration-state.js';
import { entities, searchIndexes } from '../entities.js';
import { indexAllStaleRows } from '../search/stale-rows.js';
import { EXIT_FAILED } from './exit-codes.js';

const print = (...lines: string[]): boolean => process.stdout.write(`${lines.join('\n')}\n`);

export function applyMigrations(): Promise<void> {
  return onDatabase((dataSource, { DATA_DIR }) =>
    withLock(dataSource, DATA_DIR, async () => {
      const done = await applyPendingMigrations(dataSource);
      for (const { name } of done) print(`Applied ${name}`);
      if (done.length === 0) print('No migrations are pending.');
      await indexAllStaleRows(searchIndexes(dataSource), print);
    }),
  );
}

export function rollBackMigration(deleteEverything: boolean): Promise<void> {
  return onDatabase((dataSource, { DATA_DIR }) =>
    withLock(dataSource, DATA_DIR, async () => {
      const { applied, unknown } = await migrationState(dataSource);
      const last = applied.at(-1);
      if (unknown.length > 0)
        throw new Error(
          `A newer version has applied ${unknown.join(', ')}. Roll that back with the newer version first.`,
        );
      if (!last) throw new Error('There is no migration to roll back.');
      if (applied.length === 1 && !deleteEverything)
        throw new Error(
          `Rolling back ${last} drops the tables of customers and users. To do so, add --delete-everything.`,
        );
      await dataSource.undoLastMigration();
      print(`Rolled back ${last}`);
    }),
  );
}

export function listMigrations(): Promise<void> {
  return onDatabase(async (dataSource) => {
    const { applied, pending, unknown } = await migrationState(dataSource);
    for (const name of applied) print(`applied  ${name}`);
    for (const name of unknown) print(`newer    ${name} (unknown to this version)`);
    for (const name of pending) print(`pending  ${name}`);
  });
}

export function checkSchema(): Promise<number> {
  return onDatabase(async (dataSource) => {
    const { pending } = await migrationState(dataSource);
    if (pending.length > 0) {
      print(`Pending: ${pending.join(', ')}`);
      return EXIT_FAILED;
    }
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    if (upQueries.length === 0) {
      print('The schema matches the code.');
      return 0;
    }
    print('The schema differs from the code. These statements would align it:', ...upQueries.map(({ query }) => query));
    return EXIT_FAILED;
  });
}

/** Without timeouts, as migrating a large table takes long. */
async function onDatabase<T>(work: (dataSource: DataSource, env: Env) => Promise<T>): Promise<T> {
  const env = loadEnv();
  const dataSource = await openDataSource(withoutTimeouts(await connectionOptions(env, entities)));
  try {
    return await work(dataSource, env);
  } catch (error) {
    throw migrationError(error);
  } finally {
    await dataSource.destroy();
  }
}
