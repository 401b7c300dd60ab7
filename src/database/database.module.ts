import { type DynamicModule, Global, Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { Env } from '../config/env.js';
import { migrationError } from './connection-error.js';
import { connectionOptions, type Entities, openDataSource, withoutTimeouts } from './data-source.js';
import { DirectQueries } from './direct-queries.js';
import { FileResidue } from './file-residue.js';
import { Housekeeping } from './housekeeping.js';
import { withLock } from './locks.js';
import { applyPendingMigrations } from './migrate.js';
import { Replicas } from './replicas.js';

type AfterMigrations = (dataSource: DataSource, report: (line: string) => void) => Promise<void>;

/** The connection of all modules. Migrations have run before any module gets it. */
@Global()
@Module({})
export class DatabaseModule {
  /** `afterMigrations` is work that existing rows need before the service can use them. */
  static of(env: Env, entities: Entities, afterMigrations: AfterMigrations): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      useFactory: async () => ({ ...(await connectionOptions(env, entities)), retryAttempts: 0, toRetry }),
      dataSourceFactory: async (options) => {
        await migrate(options!, env.DATA_DIR, afterMigrations).catch((error: unknown) => {
          throw migrationError(error);
        });
        return openDataSource(options!);
      },
    });
    return {
      module: DatabaseModule,
      imports: [connection],
      providers: [DirectQueries, Housekeeping, FileResidue, Replicas],
      exports: [DirectQueries, Housekeeping, FileResidue, Replicas],
    };
  }
}

/** Nest would log an error before it retries; `main` prints it. */
const toRetry = (): boolean => false;

/** On a connection without timeouts: a large table takes long to change. */
async function migrate(options: DataSourceOptions, dataDir: string, afterMigrations: AfterMigrations): Promise<void> {
  const logger = new Logger('Migrations');
  const dataSource = await openDataSource(withoutTimeouts(options));
  try {
    await withLock(dataSource, dataDir, async () => {
      for (const { name } of await applyPendingMigrations(dataSource)) logger.log(`Applied ${name}`);
      await afterMigrations(dataSource, (line) => logger.log(line));
    });
  } finally {
    await dataSource.destroy();
  }
}
