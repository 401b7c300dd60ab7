import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import mysql from 'mysql2';
import { createConnection } from 'mysql2/promise';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import type { Env } from '../config/env.js';
import { isolateTransactions } from './embedded-driver.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** Requests that may wait for a connection; those beyond are refused at once, rather than wait for ever. */
const QUEUE_LIMIT = 500;

/**
 * Of every connection: strict, so that nothing is cut off silently; no gap locks, which are what most deadlocks come
 * from; and no longer waits for a lock than a client waits for an answer.
 */
const SESSION = [
  `SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), innodb_lock_wait_timeout = 1`,
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
];

export type Entities = NonNullable<DataSourceOptions['entities']>;

/** The only connection options, for the service, its tests and TypeORM's command line. */
export async function connectionOptions(env: Env, entities: Entities): Promise<DataSourceOptions> {
  const common = { entities, migrations, migrationsTransactionMode: 'each' } as const;
  return { ...common, ...(env.DATABASE_URI ? await server(env.DATABASE_URI, env) : embedded(env)) };
}

export async function openDataSource(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = new DataSource(options);
  if (options.type === 'better-sqlite3') isolateTransactions(dataSource);
  return dataSource.initialize();
}

function embedded(env: Env): DataSourceOptions {
  mkdirSync(env.DATA_DIR, { recursive: true, mode: 0o700 });
  const database = join(env.DATA_DIR, 'crm.sqlite');
  // nobody else reads it; SQLite gives the files beside it the same mode
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

async function server(uri: URL, env: Env): Promise<DataSourceOptions> {
  const address = {
    host: uri.hostname.replace(/^\[|\]$/g, ''),
    port: Number(uri.port || 3306),
    database: decodeURIComponent(uri.pathname.slice(1)),
    socketPath: uri.searchParams.get('socketPath') ?? uri.searchParams.get('unix_socket') ?? undefined,
    connectTimeout: CONNECT_TIMEOUT_MS,
    charset: 'utf8mb4',
  };
  const user = decodeURIComponent(uri.username);
  const password = decodeURIComponent(uri.password);
  return {
    ...address,
    type: await flavourOf({ ...address, user, password }),
    driver: { ...mysql, createPool },
    username: user,
    password,
    timezone: 'Z',
    dateStrings: true,
    poolSize: env.DATABASE_POOL,
    extra: { queueLimit: QUEUE_LIMIT, maxPreparedStatements: 64 },
  };
}

/** Asked of the server: the schemes of MariaDB's and MySQL's addresses are the same, their catalogs are not. */
async function flavourOf(address: mysql.ConnectionOptions): Promise<'mysql' | 'mariadb'> {
  const connection = await createConnection(address);
  try {
    const [rows] = await connection.query('SELECT VERSION() AS version');
    return /mariadb/i.test((rows as Array<{ version: string }>)[0]!.version) ? 'mariadb' : 'mysql';
  } finally {
    await connection.end();
  }
}

function createPool(options: mysql.PoolOptions): mysql.Pool {
  const pool = mysql.createPool(options);
  // sent before the statement that the connection was made for
  pool.on('connection', (connection) => SESSION.forEach((statement) => connection.query(statement)));
  return pool;
}
