import type { Socket } from 'node:net';
import mysql from 'mysql2';

const CONNECT_TIMEOUT_MS = 2_000;
/** Requests that may wait for a connection; those beyond are refused at once. */
const QUEUE_LIMIT = 500;
/** How long a request waits for a connection. With the silence below it stays within the 3 s of an answer. */
const ACQUIRE_MS = 2_000;
/** The server ends a statement by itself, so that one that nobody waits for any more does not run on. */
const STATEMENT_MS = 1_500;
/** A connection that says nothing for longer than any statement may take is asked whether it lives. */
const SILENCE_MS = 1_750;
const PING_MS = 250;

/**
 * Of every connection: strict, so that nothing is cut off silently; no gap locks, which are what most deadlocks come
 * from; and no longer waits for a lock than a client waits for an answer.
 */
const SESSION = [
  `SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), innodb_lock_wait_timeout = 1`,
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
];

const STATEMENT_LIMIT = {
  mariadb: `SET SESSION max_statement_time = ${STATEMENT_MS / 1000}`,
  // of reading statements; MySQL knows no limit for others
  mysql: `SET SESSION max_execution_time = ${STATEMENT_MS}`,
};

export type Flavour = keyof typeof STATEMENT_LIMIT;

export const POOL_OPTIONS = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  extra: { queueLimit: QUEUE_LIMIT, maxPreparedStatements: 64, keepAliveInitialDelay: 10_000 },
};

/** For migrations, which may take as long as they need. */
export function createUnboundedPool(options: mysql.PoolOptions): mysql.Pool {
  return setUp(mysql.createPool(options), SESSION);
}

/**
 * A pool for requests: whatever the database does, they get a connection, and then an answer, within a bounded time.
 * A frozen database says nothing and closes nothing; mysql2 would wait for it for ever, and its own time-outs of
 * queries leave the connection in the pool.
 */
export function createBoundedPool(flavour: Flavour): (options: mysql.PoolOptions) => mysql.Pool {
  return (options) => {
    const pool = setUp(mysql.createPool(options), [...SESSION, STATEMENT_LIMIT[flavour]]);
    pool.on('connection', discardWhenSilent);
    const acquire = pool.getConnection.bind(pool);
    pool.getConnection = (done) => acquire(withDeadline(done));
    return pool;
  };
}

function setUp(pool: mysql.Pool, statements: string[]): mysql.Pool {
  return pool.on('connection', (connection: mysql.PoolConnection) => {
    // whoever asked is told; a connection that breaks while nobody asks is replaced, and must not end the process
    connection.on('error', () => undefined);
    // sent before the statement that the connection was made for
    for (const statement of statements) connection.query(statement);
  });
}

/** Pings when nothing has come or gone for a while: also in the middle of a statement, behind which the ping waits. */
function discardWhenSilent(connection: mysql.PoolConnection): void {
  const { stream: socket } = connection as unknown as { stream: Socket };
  socket.setTimeout(SILENCE_MS).on('timeout', () => {
    // not connection.destroy(), which does not tell those who wait for an answer
    const discard = setTimeout(() => socket.destroy(timedOut('The database is silent')), PING_MS);
    connection.ping(() => clearTimeout(discard));
  });
}

type Acquired = (error: NodeJS.ErrnoException | null, connection: mysql.PoolConnection) => void;

/** Calls back with an error if there is no connection in time; one that comes later goes back to the others. */
function withDeadline(done: Acquired): Acquired {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    (done as (error: Error) => void)(timedOut('No connection to the database in time'));
  }, ACQUIRE_MS);
  return (error, connection) => {
    clearTimeout(timer);
    if (!isLate) done(error, connection);
    else if (!error) connection.release();
  };
}

const timedOut = (message: string): Error => Object.assign(new Error(message), { code: 'ETIMEDOUT' });
