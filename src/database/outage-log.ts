import { QueryFailedError } from 'typeorm';
import { FailureLog } from '../logging/failure-log.js';
import { databaseErrorKind, type DriverError, driverErrorOf } from './database-errors.js';

const CONNECTIONS =
  'Raise max_connections in the database server, or lower DATABASE_POOL, WEB_CONCURRENCY or the number of instances.';
const SLOW =
  'Look for long-running statements and for the load of the database server (SHOW FULL PROCESSLIST, its slow query log).';
const SPACE = 'Free space on the disk of the database server.';
const READ_ONLY =
  'DATABASE_URI leads to a server that only reads, such as a replica. After a failover, check that the address leads to the new primary.';
const BINARY_LOG =
  'Set binlog_format to ROW (or MIXED) in the database server: STATEMENT does not allow the isolation level READ COMMITTED.';
const NETWORK =
  'Check that the database server runs, that it is not overloaded, and that no firewall is between it and this machine.';

/** What an operator can do, by number or code of the driver. */
const FIXES: Record<string, string> = {
  1021: SPACE,
  1026: SPACE,
  1030: SPACE,
  1040: CONNECTIONS,
  1045: 'Set user and password in DATABASE_URI to those of the database server, and restart.',
  1047: 'The cluster node is not synchronized: check wsrep_cluster_status on it, and whether a majority of nodes is reachable.',
  1114: SPACE,
  1180: 'Look at the log of the database server: it could not commit. Its disk may be full.',
  1290: READ_ONLY,
  1665: BINARY_LOG,
  1792: READ_ONLY,
  1836: READ_ONLY,
  1203: 'Raise max_user_connections of the database user, or lower DATABASE_POOL, WEB_CONCURRENCY or the number of instances.',
  1461:
    'Raise max_prepared_stmt_count in the database server: each connection keeps up to 128 statements prepared. Other ' +
    'clients may have left theirs open.',
  1969: SLOW,
  3024: SLOW,
  ECONNREFUSED: 'Start the database server, or correct host and port in DATABASE_URI.',
  ECONNRESET: NETWORK,
  EPIPE: NETWORK,
  ETIMEDOUT: NETWORK,
  ENOTFOUND: 'Correct the host in DATABASE_URI, or the name servers of this machine.',
  EAI_AGAIN: 'Check the name servers of this machine.',
  PROTOCOL_CONNECTION_LOST: NETWORK,
  'Queue limit reached.': `All connections are in use and 500 requests wait for one. ${SLOW} Then raise DATABASE_POOL.`,
  SQLITE_CANTOPEN: 'Check the disk of DATA_DIR, and that the service may read and write its files.',
  SQLITE_FULL: 'Free space on the disk of DATA_DIR.',
  SQLITE_IOERR: 'Check the disk of DATA_DIR.',
  SQLITE_READONLY: 'Let the service write the files of DATA_DIR; the disk may be mounted read-only.',
};

const OTHER_FIX = 'Look at the log of the database server.';

export const outageFix = ({ errno, code, message = '' }: DriverError): string =>
  FIXES[errno ?? ''] ?? FIXES[code ?? message] ?? OTHER_FIX;

/** Statements that the server has aborted. */
const TIMEOUTS = new Set<unknown>([1969, 3024]);
const MAX_STATEMENT_LENGTH = 500;

/** Logs why the database does not serve, with what to do about it. */
export class OutageLog {
  private readonly failures = new FailureLog('Database', 'error');
  /** An error that fails a connection also fails the statements that wait for it. */
  private readonly reported = new WeakSet<object>();

  /** `database` says where it is, without user and password. */
  constructor(private readonly database: string) {}

  /** Ignores errors of single statements or transactions: those are answered or retried. */
  report(error: unknown): void {
    if (databaseErrorKind(error) !== 'unavailable') return;
    const cause = driverErrorOf(error);
    const { errno, code, message = '' } = cause;
    // clients that disconnect while the service shuts down
    if (this.reported.has(cause) || message === 'Pool is closed.') return;
    this.reported.add(cause);
    // these errors quote no values of rows, unlike others of the server
    const reason = message || code;
    this.failures.report(String(errno ?? code ?? message), {
      message: `The database is unavailable: ${reason}`,
      database: this.database,
      errno,
      driverCode: code,
      fix: outageFix(cause),
      statement:
        TIMEOUTS.has(errno) && error instanceof QueryFailedError
          ? error.query.slice(0, MAX_STATEMENT_LENGTH)
          : undefined,
    });
  }
}
