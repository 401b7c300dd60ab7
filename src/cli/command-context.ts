import { type DynamicModule, Global, type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { ConfigModule } from '../config/config.module.js';
import { type Env, loadEnv } from '../config/env.js';
import { connectionOptions, openDataSource } from '../database/data-source.js';
import { DirectQueries } from '../database/direct-queries.js';
import { FileResidue } from '../database/file-residue.js';
import { Housekeeping } from '../database/housekeeping.js';
import { migrationState } from '../database/migration-state.js';
import { Replicas } from '../database/replicas.js';
import { entities } from '../entities.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { CommandLogger } from './command-logger.js';

/** Operators are not users, so the history records no actor for commands. */
export const OPERATOR = { actorId: null, requestId: null };

/** Commands are too short-lived for periodic work. */
class NoHousekeeping extends Housekeeping {
  override onApplicationBootstrap(): void {}
}

/** The service's `DatabaseModule` without migrations at start and periodic work: a command has no side effects. */
@Global()
@Module({
  providers: [DirectQueries, { provide: Housekeeping, useClass: NoHousekeeping }, FileResidue, Replicas],
  exports: [DirectQueries, Housekeeping, FileResidue, Replicas],
})
class CommandDatabase {
  static of(env: Env): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      useFactory: async () => ({ ...(await connectionOptions(env, entities)), retryAttempts: 0 }),
      dataSourceFactory: async (options) => migrated(await openDataSource(options!)),
    });
    return { module: CommandDatabase, imports: [connection] };
  }
}

async function migrated(dataSource: DataSource): Promise<DataSource> {
  const { pending } = await migrationState(dataSource);
  if (pending.length === 0) return dataSource;
  await dataSource.destroy();
  throw new Error(`The database has ${pending.length} pending migrations. First run: npm run crm -- migrate`);
}

@Module({})
class CommandModule {
  static of(env: Env, feature: Type): DynamicModule {
    return {
      module: CommandModule,
      imports: [ConfigModule.of(env, new Clock()), CommandDatabase.of(env), MetricsModule, feature],
    };
  }
}

/** Runs a command with a module of the service, so that commands and API follow the same rules. */
export async function withModule<T>(feature: Type, work: (service: INestApplicationContext) => Promise<T>): Promise<T> {
  const options = { logger: new CommandLogger(), abortOnError: false };
  const service = await NestFactory.createApplicationContext(CommandModule.of(loadEnv(), feature), options);
  try {
    return await work(service);
  } finally {
    await service.close();
  }
}
