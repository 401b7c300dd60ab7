import type { Socket } from 'node:net';
import type * as mysql from 'mysql2';
import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { currentTracing } from '../tracing/tracing.js';
import { isReadOnlyServer } from './database-errors.js';
import { startDeadline } from './deadline.js';
import { OutageLog } from './outage-log.js';
import { applySettings, type ServerDialect } from './session-settings.js';
import { statementSpan } from './statement-span.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** Requests that may wait for a connection; more are refused at once. */
const MAX_QUEUED = 500;
/** How long a request waits for a connection. With the idle check below it stays within the 3 s of a response. */
const ACQUIRE_TIMEOUT_MS = 2_000;
/** A connection that is silent for longer than any statement may take is checked with a ping. */
const SILENCE_MS = 1_750;
const PING_TIMEOUT_MS = 250;
/**
 * Of one connection, the most recently used ones; the others are closed. Server-wide, `max_prepared_stmt_count` (16,382 by
 * default) limits them: enough for 12 processes with 10 connections each.
 */
const MAX_PREPARED_STATEMENTS = 128;

export type SqlValue = string | number | null;

/** Common to every connection, also to the one that asks the server for its version. */
export const CONNECTION_OPTIONS = { connectTimeout: CONNECT_TIMEOUT_MS, charset: 'utf8mb4' };

/** Passed to `createPool` by TypeORM as its `extra` options. */
export const POOL_OPTIONS = {
  queueLimit: MAX_QUEUED,
  maxPreparedStatements: MAX_PREPARED_STATEMENTS,
  keepAliveInitialDelay: 10_000,
};

/** mysql2 has no public counters of its pool's connections. */
interface PoolQueues {
  _allConnections: { length: number };
  _freeConnections: { length: number };
  _connectionQueue: { length: number };
}

/**
 * The only owner of mysql2. TypeORM takes it as its `driver` option and calls `createPool`, so that TypeORM's statements
 * and our direct ones share connections, limits and session settings.
 *
 * Whatever the database does, a request gets a connection, and then a result, within a bounded time. A frozen database
 * neither answers nor closes; mysql2 alone would wait forever, and its own query timeouts leave the connection in the
 * pool. Migrations use a pool without timeouts (`isBounded` false), as they may take as long as they need.
 */
export class DatabasePool {
  private pool?: mysql.Pool;
  private outages?: OutageLog;
  /** Attributes of spans. */
  private target: Record<string, string | number | undefined> = {};
  /** Called with the seconds that a statement or transaction waited for its connection. */
  onAcquired?: (seconds: number) => void;

  constructor(
    readonly dialect: ServerDialect,
    private readonly driver: Pick<typeof mysql, 'createPool'>,
    private readonly isBounded = true,
    private readonly isReplica = false,
  ) {}

  /** Fails unless the data source was opened with a `DatabasePool`: without one nothing would be bounded. */
  static of({ options }: DataSource): DatabasePool {
    const { driver } = options as { driver?: unknown };
    if (!(driver instanceof DatabasePool)) throw new Error('The data source was opened without a DatabasePool');
    return driver;
  }

  withoutTimeouts(): DatabasePool {
    return new DatabasePool(this.dialect, this.driver, false);
  }

  /** Without reports of outages: the service serves without its replicas. */
  asReplica(): DatabasePool {
    return new DatabasePool(this.dialect, this.driver, true, true);
  }

  /** Called once by TypeORM. */
  createPool(options: mysql.PoolOptions): mysql.Pool {
    const pool = this.driver.createPool(options);
    const { socketPath, host, port, database } = options;
    this.target = {
      'db.system.name': this.dialect,
      'db.namespace': database,
      'server.address': socketPath ?? host,
      'server.port': socketPath ? undefined : port,
    };
    pool.on('connection', (connection: mysql.PoolConnection) => {
      // the caller gets the error of its statement; a connection that breaks while idle must not end the process
      connection.on('error', () => undefined);
      applySettings(connection, this.dialect, this.isBounded);
      if (this.isBounded) destroyWhenSilent(connection);
    });
    if (this.isBounded) {
      if (!this.isReplica) this.outages = new OutageLog(`${database} at ${socketPath ?? `${host}:${port}`}`);
      const acquire = pool.getConnection.bind(pool);
      pool.getConnection = (done) => acquire(this.timed(withDeadline(this.reported(done))));
    }
    this.pool = pool;
    return pool;
  }

  /** A prepared statement outside of a transaction. */
  query<Row>(sql: string, parameters: SqlValue[]): Promise<Row[]> {
    return this.run(sql, parameters, (done) => this.connected.execute(sql, parameters, done));
  }

  /** A prepared statement on the connection of a transaction. */
  async executeIn<Result>(manager: EntityManager, sql: string, parameters: SqlValue[]): Promise<Result> {
    const connection = (await manager.queryRunner!.connect()) as mysql.PoolConnection;
    return this.run(sql, parameters, (done) => connection.execute(sql, parameters, leaveReadOnly(connection, done)));
  }

  /** mysql2's own promises capture a stack for every statement; here only an error gets one, with its callers. */
  run<T>(sql: string, parameters: unknown[], start: (done: Done) => void): Promise<T> {
    const tracing = currentTracing();
    if (!tracing) return this.execute(sql, parameters, start);
    return tracing.inSpan(
      () => statementSpan(this.target, sql),
      () => this.execute(sql, parameters, start),
    );
  }

  private async execute<T>(sql: string, parameters: unknown[], start: (done: Done) => void): Promise<T> {
    try {
      return await new Promise((resolve, reject) =>
        start((error, result) => (error ? reject(error) : resolve(result as T))),
      );
    } catch (error) {
      const failed = new QueryFailedError(sql, parameters, error as Error);
      this.outages?.report(failed);
      throw failed;
    }
  }

  get connections(): { inUse: number; idle: number; queued: number } {
    const {
      _allConnections: all,
      _freeConnections: free,
      _connectionQueue: queue,
    } = this.connected as unknown as PoolQueues;
    return { inUse: all.length - free.length, idle: free.length, queued: queue.length };
  }

  private get connected(): mysql.Pool {
    if (!this.pool) throw new Error('The data source is not initialized');
    return this.pool;
  }

  private reported(done: Acquired): Acquired {
    return (error, connection) => {
      if (error) this.outages?.report(error);
      done(error, connection);
    };
  }

  private timed(done: Acquired): Acquired {
    if (!this.onAcquired) return done;
    const start = performance.now();
    return (error, connection) => {
      this.onAcquired?.((performance.now() - start) / 1000);
      done(error, connection);
    };
  }
}

type Done = (error: mysql.QueryError | null, result: unknown) => void;

/** The ping is queued behind a statement that is running, so it also finds a database that freezes in the middle of one. */
function destroyWhenSilent(connection: mysql.PoolConnection): void {
  const socket = socketOf(connection);
  socket.setTimeout(SILENCE_MS).on('timeout', () => {
    const answered = startDeadline(PING_TIMEOUT_MS, () => socket.destroy(timeoutError('The database is silent')));
    connection.ping(answered);
  });
}

/** After a failover, the address of the database leads elsewhere: only a new connection gets there. */
export function leaveReadOnly(connection: mysql.PoolConnection, done: Done): Done {
  return (error, result) => {
    if (error && isReadOnlyServer(error)) socketOf(connection).destroy(error);
    done(error, result);
  };
}

/** To destroy it fails the statements that wait for a result; `connection.destroy()` would leave them waiting. */
const socketOf = (connection: mysql.PoolConnection): Socket => (connection as unknown as { stream: Socket }).stream;

type Acquired = (error: NodeJS.ErrnoException | null, connection: mysql.PoolConnection) => void;

/** Fails if there is no connection in time; a connection that comes later goes back to the pool. */
function withDeadline(done: Acquired): Acquired {
  let isLate = false;
  const acquired = startDeadline(ACQUIRE_TIMEOUT_MS, () => {
    isLate = true;
    (done as (error: Error) => void)(timeoutError('No connection to the database in time'));
  });
  return (error, connection) => {
    acquired();
    if (!isLate) done(error, connection);
    else if (!error) connection.release();
  };
}

const timeoutError = (message: string): Error => Object.assign(new Error(message), { code: 'ETIMEDOUT' });
