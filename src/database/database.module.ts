import { type DynamicModule, Global, Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { Env } from '../config/env.js';
import { connectionOptions, type Entities, openDataSource, withoutTimeouts } from './data-source.js';
import { DirectQueries } from './direct-queries.js';
import { Housekeeping } from './housekeeping.js';
import { withLock } from './locks.js';

/** The connection of all modules. Migrations have run before any module gets it. */
@Global()
@Module({})
export class DatabaseModule {
  static of(env: Env, entities: Entities): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      useFactory: async () => ({ ...(await connectionOptions(env, entities)), retryAttempts: 0 }),
      dataSourceFactory: async (options) => {
        await migrate(options!, env.DATA_DIR);
        return openDataSource(options!);
      },
    });
    return {
      module: DatabaseModule,
      imports: [connection],
      providers: [DirectQueries, Housekeeping],
      exports: [DirectQueries, Housekeeping],
    };
  }
}

/** On a connection without timeouts: a large table takes long to change. */
async function migrate(options: DataSourceOptions, dataDir: string): Promise<void> {
  const dataSource = await openDataSource(withoutTimeouts(options));
  try {
    await withLock(dataSource, dataDir, async () => {
      for (const { name } of await dataSource.runMigrations()) new Logger('Migrations').log(`Applied ${name}`);
    });
  } finally {
    await dataSource.destroy();
  }
}
