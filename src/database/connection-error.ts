import type { ConnectionOptions } from 'mysql2/promise';
import type { DatabaseAddress } from '../config/database-uri.js';
import { StartError } from '../config/start-error.js';
import { databaseErrorKind, driverErrorOf } from './database-errors.js';
import { outageFix } from './outage-log.js';

export const GRANT = 'Grant the user in DATABASE_URI all privileges on its database.';

/** By error code of the driver. */
const FIXES: Record<string, string> = {
  ECONNREFUSED: 'Start the database server, or correct host and port in DATABASE_URI.',
  ENOENT: 'Correct the socket path in DATABASE_URI. Cloud SQL provides a socket only where the instance is attached.',
  ENOTFOUND: 'Correct the host in DATABASE_URI.',
  EAI_AGAIN: 'Correct the host in DATABASE_URI, or the name servers of this machine.',
  ETIMEDOUT: 'Correct the host in DATABASE_URI, or allow this machine in the firewall.',
  EHOSTUNREACH: 'Correct the host in DATABASE_URI, or allow this machine in the firewall.',
  ENETUNREACH: 'Correct the host in DATABASE_URI, or connect this machine to its network.',
  ER_ACCESS_DENIED_ERROR: 'Correct user and password in DATABASE_URI. Special characters must be percent-encoded.',
  ER_HOST_NOT_PRIVILEGED: 'Allow connections from this machine in the database server.',
  ER_CON_COUNT_ERROR: 'Raise max_connections in the database server, or lower DATABASE_POOL or WEB_CONCURRENCY.',
  ER_DBACCESS_DENIED_ERROR: GRANT,
  ER_BAD_DB_ERROR: 'Create the database that DATABASE_URI names, with CHARACTER SET utf8mb4.',
  HANDSHAKE_NO_SSL_SUPPORT: 'Turn TLS on in the server, or remove the parameters of TLS from DATABASE_URI.',
  HANDSHAKE_SSL_ERROR: 'Set ssl_ca in DATABASE_URI to the authority that issued the certificate of the server.',
};
const OTHER_FIX =
  'Check that DATABASE_URI is the address of a MySQL or MariaDB server, and look at the log of that server.';
const REQUIRE_TLS =
  'Add ssl-mode=REQUIRED to DATABASE_URI, or ssl_ca=<file> to verify the server, and ssl_cert and ssl_key if the user needs a certificate.';

/** No connection to the database: names everything of `DATABASE_URI` but user and password. */
export class DatabaseConnectionError extends StartError {
  constructor({ host, port, socketPath, database }: DatabaseAddress, reason: string, fix: string, cause: unknown) {
    super(`No connection to the database ${database} at ${socketPath ?? `${host}:${port}`}: ${reason}`, fix, { cause });
  }

  override get explanation(): string {
    return `${super.explanation}\nTo check everything that the service needs: npm run crm -- doctor`;
  }
}

/** Finds the fix that fits an error of the first connection. `options` are those that failed. */
export async function connectionError(
  address: DatabaseAddress,
  options: ConnectionOptions,
  error: unknown,
): Promise<DatabaseConnectionError> {
  const { code = '', message } = error as { code?: string; message: string };
  // MariaDB denies access to users with the right password if they come without TLS
  if (/ACCESS_DENIED_ERROR|SECURE_TRANSPORT/.test(code) && !address.tls && (await worksWithTls(options)))
    return new DatabaseConnectionError(address, 'the server accepts this user only over TLS', REQUIRE_TLS, error);
  // the error of several addresses of one host has no message
  const reason = message.includes(code) || !message ? message || code : `${message} (${code})`;
  return new DatabaseConnectionError(address, reason, FIXES[code] ?? OTHER_FIX, error);
}

/** The file of the embedded database cannot be used. */
export const embeddedError = (error: unknown): StartError =>
  new StartError(
    `crm.sqlite in DATA_DIR cannot be used: ${(error as Error).message}`,
    'Make it readable and writable for the user that runs the service, free disk space, or restore it from a backup.',
    { cause: error },
  );

/** Errors of a start after the first connection. Those that are no fault of the database or its user keep their stack. */
export function migrationError(error: unknown): unknown {
  const cause = driverErrorOf(error);
  const { code = '', message } = cause;
  if (code.endsWith('ACCESS_DENIED_ERROR')) return new StartError(`A privilege is missing: ${message}`, GRANT);
  if (databaseErrorKind(error) === 'unavailable')
    return new StartError(`The database has failed: ${message ?? code}`, outageFix(cause));
  return error;
}

async function worksWithTls(options: ConnectionOptions): Promise<boolean> {
  const { createConnection } = await import('mysql2/promise');
  try {
    const connection = await createConnection({ ...options, ssl: { rejectUnauthorized: false } });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}
