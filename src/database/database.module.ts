import { type DynamicModule, Global, Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Env } from '../config/env.js';
import { connectionOptions, type Entities, openDataSource } from './data-source.js';
import { exclusively } from './exclusive.js';
import { Housekeeping } from './housekeeping.js';
import { Sql } from './sql.js';

/** The connection, for every module that keeps something; its schema is up to date before anybody gets it. */
@Global()
@Module({})
export class DatabaseModule {
  static of(env: Env, entities: Entities): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      useFactory: async () => ({ ...(await connectionOptions(env, entities)), retryAttempts: 0 }),
      dataSourceFactory: async (options) => {
        const dataSource = await openDataSource(options!);
        await exclusively(dataSource, env.DATA_DIR, () => migrate(dataSource));
        return dataSource;
      },
    });
    return {
      module: DatabaseModule,
      imports: [connection],
      providers: [Sql, Housekeeping],
      exports: [Sql, Housekeeping],
    };
  }
}

async function migrate(dataSource: DataSource): Promise<void> {
  for (const { name } of await dataSource.runMigrations()) new Logger('Migrations').log(`Applied ${name}`);
}
