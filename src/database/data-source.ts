import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { ConnectionOptions } from 'mysql2/promise';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import { prepareDataDir } from '../config/data-dir.js';
import type { DatabaseTls } from '../config/database-tls.js';
import type { DatabaseAddress } from '../config/database-uri.js';
import type { Env } from '../config/env.js';
import { connectionError, embeddedError } from './connection-error.js';
import { CONNECTION_OPTIONS, DatabasePool, POOL_OPTIONS } from './database-pool.js';
import { isolateTransactions } from './embedded-driver.js';
import { useDirectStatements } from './server-driver.js';
import type { ServerDialect } from './session-settings.js';

/** How long SQLite waits for another process. */
export const BUSY_TIMEOUT_MS = 5_000;

export type Entities = NonNullable<DataSourceOptions['entities']>;
type ServerOptions = Extract<DataSourceOptions, { type: 'mysql' | 'mariadb' }>;

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
  if (options.type !== 'better-sqlite3') {
    useDirectStatements(dataSource);
    return dataSource.initialize();
  }
  isolateTransactions(dataSource);
  return dataSource.initialize().catch((error: unknown) => {
    throw embeddedError(error);
  });
}

/** With the options of all connections. Fails with a StartError if the server cannot be reached. */
export async function openReplica(address: DatabaseAddress, env: Env): Promise<DataSource> {
  const options = await serverOptions(address, env);
  return openDataSource({ ...options, driver: (options.driver as DatabasePool).asReplica() });
}

function embeddedOptions(env: Env): DataSourceOptions {
  prepareDataDir(env.DATA_DIR);
  const database = join(env.DATA_DIR, 'crm.sqlite');
  // readable by its owner only; SQLite gives the files beside it the same mode
  try {
    closeSync(openSync(database, 'a', 0o600));
  } catch (error) {
    throw embeddedError(error);
  }
  return {
    type: 'better-sqlite3',
    driver: Libsql,
    database,
    enableWAL: true,
    prepareDatabase: (database: { pragma(text: string): void }) => {
      database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
      // otherwise deleted and replaced values stay in the file
      database.pragma('secure_delete = ON');
    },
  };
}

/** Loads mysql2, which the embedded database does not need. */
async function serverOptions(uri: DatabaseAddress, env: Env): Promise<ServerOptions> {
  const { user, tls, ...target } = uri;
  const address = { ...CONNECTION_OPTIONS, ...target };
  const { type, ssl, database } = await detectServer({ ...address, user }, tls).catch(async (error: unknown) => {
    throw await connectionError(uri, { ...address, user }, error);
  });
  return {
    ...address,
    database,
    type,
    driver: new DatabasePool(type, await import('mysql2')),
    username: user,
    ssl,
    timezone: 'Z',
    dateStrings: true,
    poolSize: env.DATABASE_POOL,
    extra: POOL_OPTIONS,
  };
}

interface Server {
  type: ServerDialect;
  database: string;
  ssl?: DatabaseTls['options'];
}

/**
 * URIs of MariaDB and MySQL have the same scheme, but their catalogs differ; and the catalog of a server with
 * `lower_case_table_names` has the name of the database in lower case.
 */
async function detectServer(address: ConnectionOptions, tls: DatabaseTls | undefined): Promise<Server> {
  const ssl = tls?.options;
  const { createConnection } = await import('mysql2/promise');
  try {
    const connection = await createConnection({ ...address, ssl });
    try {
      const [rows] = await connection.query('SELECT VERSION() AS version, DATABASE() AS name');
      const [{ version, name }] = rows as [{ version: string; name: string }];
      return { type: /mariadb/i.test(version) ? 'mariadb' : 'mysql', ssl, database: name };
    } finally {
      await connection.end();
    }
  } catch (error) {
    if (!tls?.isOptional || (error as { code?: string }).code !== 'HANDSHAKE_NO_SSL_SUPPORT') throw error;
    return detectServer(address, undefined);
  }
}
