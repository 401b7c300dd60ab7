import { QueryFailedError } from 'typeorm';
import { Problem } from '../problems/catalog.js';

interface DriverError {
  errno?: number;
  code?: string;
  message?: string;
  /** mysql2's word for: this connection is of no more use. */
  fatal?: boolean;
}

/** The unique constraints a client can run into. The servers word the message differently; all of them name the key. */
const TAKEN = [
  { key: /live_email/, code: 'email_taken' },
  { key: /identities[._]/, code: 'identity_taken' },
] as const;

const DUPLICATE = new Set<unknown>([1062, 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY']);
/** 1406: longer than the column, 1264: out of its range, 1366: not in its character set. Validation comes first. */
const DATA_TOO_LARGE = new Set<unknown>([1406, 1264, 1366]);
/** 1213: deadlock (on Galera also a lost certification), 1205: lock wait; SQLITE_BUSY: another process is writing. */
const CONFLICT = new Set<unknown>([1213, 1205, 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_LOCKED']);
/**
 * 1040: too many connections, 1047: a cluster node without quorum, 1180: commit failed, 1461: too many prepared
 * statements, 1969 and 3024: too slow.
 */
const UNAVAILABLE = new Set<unknown>([
  1040,
  1047,
  1180,
  1461,
  1969,
  3024,
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'SQLITE_FULL',
  'SQLITE_IOERR',
]);

/** What the driver said, also from inside TypeORM's wrapper. By number where there is one: MariaDB's 1969 has no code. */
function driverErrorOf(error: unknown): DriverError {
  return (error instanceof QueryFailedError ? error.driverError : error) as DriverError;
}

const matches = (set: Set<unknown>, error: DriverError): boolean => set.has(error.errno) || set.has(error.code);

export function isDuplicate(error: unknown): boolean {
  return matches(DUPLICATE, driverErrorOf(error));
}

/** Whether the whole transaction may succeed if it is tried again. */
export function isConflict(error: unknown): boolean {
  return matches(CONFLICT, driverErrorOf(error));
}

/** The one place where an error of a database becomes an answer. Undefined for what is no such error. */
export function problemOf(error: unknown): Problem | undefined {
  const cause = driverErrorOf(error);
  if (typeof cause !== 'object' || cause === null) return undefined;
  if (matches(DUPLICATE, cause)) {
    const taken = TAKEN.find(({ key }) => key.test(cause.message ?? ''));
    return taken && new Problem(taken.code);
  }
  if (matches(DATA_TOO_LARGE, cause))
    return new Problem('invalid_request', 'A value does not fit the column that stores it.');
  if (
    matches(CONFLICT, cause) ||
    matches(UNAVAILABLE, cause) ||
    String(cause.code).startsWith('PROTOCOL_') ||
    cause.fatal ||
    cause.message === 'Queue limit reached.' ||
    // the process is about to end, and whoever asked has hung up
    cause.message === 'Pool is closed.'
  )
    return new Problem('database_unavailable');
  return undefined;
}
