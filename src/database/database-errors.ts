import { QueryFailedError } from 'typeorm';

export interface DriverError {
  errno?: number;
  code?: string;
  message?: string;
  /** mysql2: this connection is unusable. */
  fatal?: boolean;
}

/**
 * `duplicate`: a unique constraint; `unfit`: the value does not fit its column; `conflict`: the whole transaction may
 * succeed if it is tried again; `unavailable`: the database does not answer, or refuses to for now.
 */
export type DatabaseErrorKind = 'duplicate' | 'unfit' | 'conflict' | 'unavailable';

// By number where there is one: MariaDB's 1969 has no code.
const KINDS: Array<[DatabaseErrorKind, Set<unknown>]> = [
  ['duplicate', new Set<unknown>([1062, 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY'])],
  // 1406: longer than the column, 1264: out of its range, 1366: not in its character set; validation comes first
  ['unfit', new Set<unknown>([1406, 1264, 1366])],
  // 1213: deadlock (on Galera also a failed certification), 1205: lock wait; SQLITE_BUSY: another process is writing
  ['conflict', new Set<unknown>([1213, 1205, 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_LOCKED'])],
  // 1021, 1026, 1030 and 1114: no space left, 1040: too many connections, 1047: a cluster node without quorum, 1053: shutdown,
  // 1180: commit failed, 1290, 1792 and 1836: read-only, 1317 and 1927: killed, 1461: too many prepared statements, 1665:
  // the binary log does not allow READ COMMITTED, 1969 and 3024: statement timeout
  [
    'unavailable',
    new Set<unknown>([
      1021,
      1026,
      1030,
      1040,
      1047,
      1053,
      1114,
      1180,
      1290,
      1317,
      1461,
      1665,
      1792,
      1836,
      1927,
      1969,
      3024,
      'ECONNREFUSED',
      'ECONNRESET',
      'ETIMEDOUT',
      'EPIPE',
      'ENOTFOUND',
      'EAI_AGAIN',
      'SQLITE_CANTOPEN',
      'SQLITE_FULL',
      'SQLITE_IOERR',
      'SQLITE_READONLY',
    ]),
  ],
];

/** mysql2 reports these without a code. The second: a client disconnected during shutdown. */
const UNAVAILABLE_MESSAGES = new Set<unknown>(['Queue limit reached.', 'Pool is closed.']);

/** The one place that knows how drivers report errors. Undefined for anything that is no database error. */
export function databaseErrorKind(error: unknown): DatabaseErrorKind | undefined {
  const cause = driverErrorOf(error);
  if (typeof cause !== 'object' || cause === null) return undefined;
  const { errno, code, message, fatal } = cause;
  // SQLITE_IOERR_WRITE is one of the SQLITE_IOERR
  const general = /^SQLITE_[A-Z]+/.exec(code ?? '')?.[0];
  const known = KINDS.find(([, signs]) => [errno, code, general].some((sign) => signs.has(sign)));
  if (known) return known[0];
  return fatal || String(code).startsWith('PROTOCOL_') || UNAVAILABLE_MESSAGES.has(message) ? 'unavailable' : undefined;
}

/** The server only reads: it is a replica now, or about to become one. */
export const isReadOnlyServer = (error: unknown): boolean => [1290, 1836].includes(driverErrorOf(error).errno ?? 0);

export const isDuplicate = (error: unknown): boolean => databaseErrorKind(error) === 'duplicate';

/** 1146: no such table. */
export const isMissingTable = (error: unknown): boolean => driverErrorOf(error).errno === 1146;

export const isConflict = (error: unknown): boolean => databaseErrorKind(error) === 'conflict';

/** Text that names the violated constraint: servers word the message differently, but all of them name the key. */
export const constraintIn = (error: unknown): string => driverErrorOf(error).message ?? '';

/** Also from inside TypeORM's wrapper. */
export const driverErrorOf = (error: unknown): DriverError =>
  (error instanceof QueryFailedError ? error.driverError : error) as DriverError;
