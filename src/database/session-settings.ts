import type { Socket } from 'node:net';
import type { PoolConnection } from 'mysql2';

/** Enforced by the server, so that a statement whose client has given up does not run on. */
const STATEMENT_TIMEOUT_MS = 1_500;

export type ServerDialect = 'mariadb' | 'mysql';

/**
 * All that statements depend on, whatever the defaults of the server are and whatever its `init_connect` has set. Only
 * settings that need no privilege.
 */
const SETTINGS = [
  // MySQL's `SET NAMES utf8mb4` alone takes a collation that MariaDB does not have
  'NAMES utf8mb4 COLLATE utf8mb4_unicode_ci',
  // Strict, so that nothing is truncated silently. Without NO_BACKSLASH_ESCAPES and ANSI_QUOTES, which change the meaning
  // of quoted text, and without NO_ZERO_DATE, as tables of the Flask service have such dates until they are repaired.
  `sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
  // DATETIME has no zone, and all of ours are UTC
  `time_zone = '+00:00'`,
  'autocommit = 1',
  // otherwise a COMMIT would start another transaction, in which the statements after it would be lost
  'completion_type = 0',
  'foreign_key_checks = 1',
  'unique_checks = 1',
  // `id IS NULL` means what it says
  'sql_auto_is_null = 0',
  'sql_safe_updates = 0',
  'sql_select_limit = 18446744073709551615',
  'sql_big_selects = 1',
  'default_storage_engine = InnoDB',
  // shorter than a client's patience
  'innodb_lock_wait_timeout = 1',
];

/** Seconds, for all statements. */
const mariadbTimeout = (ms: number): string => `max_statement_time = ${ms / 1000}`;
/** Milliseconds, only for SELECT; MySQL has no limit for other statements. */
const mysqlTimeout = (ms: number): string => `max_execution_time = ${ms}`;

function settingsOf(dialect: ServerDialect, isBounded: boolean): string[] {
  const timeout = dialect === 'mariadb' ? mariadbTimeout : mysqlTimeout;
  return [
    `SET ${[...SETTINGS, timeout(isBounded ? STATEMENT_TIMEOUT_MS : 0)].join(', ')}`,
    // the gap locks of the default, REPEATABLE READ, cause most deadlocks
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE',
  ];
}

/**
 * Sent before the statement that the connection was opened for. If the server refuses a setting, the connection ends, and
 * its statements fail with the reason: they must not run under other settings.
 */
export function applySettings(connection: PoolConnection, dialect: ServerDialect, isBounded: boolean): void {
  const { stream } = connection as unknown as { stream: Socket };
  for (const statement of settingsOf(dialect, isBounded))
    connection.query(statement, (error) => {
      if (error) stream.destroy(error);
    });
}
