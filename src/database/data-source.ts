import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { type ConnectionOptions, createConnection } from 'mysql2/promise';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import type { Env } from '../config/env.js';
import { CONNECTION_OPTIONS, DatabasePool, POOL_OPTIONS, type ServerDialect } from './database-pool.js';
import { isolateTransactions } from './embedded-driver.js';
import { useDirectStatements } from './server-driver.js';

export type Entities = NonNullable<DataSourceOptions['entities']>;

/** The only connection options, for the service, its tests and TypeORM's command line. */
export async function connectionOptions(env: Env, entities: Entities): Promise<DataSourceOptions> {
  const common = { entities, migrations, migrationsTransactionMode: 'each' } as const;
  return { ...common, ...(env.DATABASE_URI ? await serverOptions(env.DATABASE_URI, env) : embeddedOptions(env)) };
}

/** The same connection for work that serves no request, such as a migration: it may take as long as it needs. */
export function withoutTimeouts(options: DataSourceOptions): DataSourceOptions {
  if (options.type !== 'mysql' && options.type !== 'mariadb') return options;
  return { ...options, driver: (options.driver as DatabasePool).withoutTimeouts() };
}

export async function openDataSource(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = new DataSource(options);
  if (options.type === 'better-sqlite3') isolateTransactions(dataSource);
  else useDirectStatements(dataSource);
  return dataSource.initialize();
}

function embeddedOptions(env: Env): DataSourceOptions {
  mkdirSync(env.DATA_DIR, { recursive: true, mode: 0o700 });
  const database = join(env.DATA_DIR, 'crm.sqlite');
  // readable by its owner only; SQLite gives the files beside it the same mode
  closeSync(openSync(database, 'a', 0o600));
  return {
    type: 'better-sqlite3',
    driver: Libsql,
    database,
    enableWAL: true,
    prepareDatabase: (database: { pragma(text: string): void }) => {
      database.pragma('busy_timeout = 5000');
    },
  };
}

async function serverOptions(uri: URL, env: Env): Promise<DataSourceOptions> {
  const address = {
    ...CONNECTION_OPTIONS,
    host: uri.hostname.replace(/^\[|\]$/g, ''),
    port: Number(uri.port || 3306),
    database: decodeURIComponent(uri.pathname.slice(1)),
    socketPath: uri.searchParams.get('socketPath') ?? uri.searchParams.get('unix_socket') ?? undefined,
  };
  const user = decodeURIComponent(uri.username);
  const password = decodeURIComponent(uri.password);
  const type = await detectDialect({ ...address, user, password });
  return {
    ...address,
    type,
    driver: new DatabasePool(type),
    username: user,
    password,
    timezone: 'Z',
    dateStrings: true,
    poolSize: env.DATABASE_POOL,
    extra: POOL_OPTIONS,
  };
}

/** Asks the server: URIs of MariaDB and MySQL have the same scheme, but their catalogs differ. */
async function detectDialect(address: ConnectionOptions): Promise<ServerDialect> {
  const connection = await createConnection(address);
  try {
    const [rows] = await connection.query('SELECT VERSION() AS version');
    return /mariadb/i.test((rows as Array<{ version: string }>)[0]!.version) ? 'mariadb' : 'mysql';
  } finally {
    await connection.end();
  }
}
