import type { DataSource } from 'typeorm';
import type { Clock } from '../../config/clock.js';
import { ConfigurationError, type Env } from '../../config/env.js';
import { connectionOptions } from '../../database/data-source.js';
import { dialectOf } from '../../database/dialect.js';
import { Finding } from './check.js';

/** By error code of the driver. */
const FIXES: Record<string, string> = {
  ECONNREFUSED: 'Start the database server, or correct host and port in DATABASE_URI.',
  ENOENT: 'Correct the socket path in DATABASE_URI. Cloud SQL provides a socket only where the instance is attached.',
  ENOTFOUND: 'Correct the host in DATABASE_URI.',
  EAI_AGAIN: 'Correct the host in DATABASE_URI, or the name servers of this machine.',
  ETIMEDOUT: 'Correct the host in DATABASE_URI, or allow this machine in the firewall.',
  EHOSTUNREACH: 'Correct the host in DATABASE_URI, or allow this machine in the firewall.',
  ER_ACCESS_DENIED_ERROR: 'Correct user and password in DATABASE_URI. Special characters must be percent-encoded.',
  ER_DBACCESS_DENIED_ERROR: 'Grant the user in DATABASE_URI all privileges on its database.',
  ER_BAD_DB_ERROR: 'Create the database that DATABASE_URI names, with CHARACTER SET utf8mb4.',
  HANDSHAKE_NO_SSL_SUPPORT: 'Turn TLS on in the server, or remove the parameters of TLS from DATABASE_URI.',
  HANDSHAKE_SSL_ERROR: 'Set ssl_ca in DATABASE_URI to the authority that issued the certificate of the server.',
};
const REQUIRE_TLS =
  'Add ssl-mode=REQUIRED to DATABASE_URI, or ssl_ca=<file> to verify the server, and ssl_cert and ssl_key if the user needs a certificate.';

/** What the service and its migrations do. */
const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'DROP', 'INDEX', 'REFERENCES'];
/** Older ones get no more security updates, and lack what the migrations need. */
const MIN_VERSIONS = { mysql: [8, 0], mariadb: [10, 6] } as const;
/** Sign-in codes live for 60 s; instances must agree on the time far better than that. */
const MAX_CLOCK_DIFFERENCE_S = 10;

/** The reason why no connection was possible, with the fix that fits it. */
export async function connectionFinding(env: Env, error: unknown): Promise<Finding> {
  const { code = '', message } = error as { code?: string; message: string };
  if (error instanceof ConfigurationError)
    return new Finding(error.problems.join('; '), 'Correct DATA_DIR, or its owner and permissions.');
  if (!env.DATABASE_URI) return new Finding(message || code, 'Check the files in DATA_DIR and the space on its disk.');
  // MariaDB denies access to users with the right password if they come without TLS
  if (/ACCESS_DENIED_ERROR|SECURE_TRANSPORT/.test(code) && !env.DATABASE_URI.tls && (await worksWithTls(env)))
    return new Finding('the server accepts this user only over TLS', REQUIRE_TLS);
  return new Finding(message || code, FIXES[code] ?? 'Check the value of DATABASE_URI.');
}

async function worksWithTls(env: Env): Promise<boolean> {
  const tls = { isOptional: false, options: { rejectUnauthorized: false, verifyIdentity: false } };
  try {
    // it connects to ask for the version
    await connectionOptions({ ...env, DATABASE_URI: { ...env.DATABASE_URI!, tls } }, []);
    return true;
  } catch {
    return false;
  }
}

/** Verifies version, clock and privileges of a database server. Returns its version. */
export async function checkServer(dataSource: DataSource, clock: Clock): Promise<string> {
  const dialect = dialectOf(dataSource) === 'mariadb' ? 'mariadb' : 'mysql';
  const [row] = await dataSource.query<Array<{ version: string; charset: string; now: string }>>(
    'SELECT VERSION() AS version, @@character_set_connection AS charset, UNIX_TIMESTAMP(NOW(3)) AS now',
  );
  const { version, charset, now } = row!;
  const name = dialect === 'mariadb' ? 'MariaDB' : 'MySQL';
  if (isTooOld(dialect, version))
    throw new Finding(
      `${name} ${version} is too old`,
      `Upgrade the server to ${name} ${MIN_VERSIONS[dialect].join('.')} or later.`,
    );
  const difference = Math.abs(Number(now) - clock.now().getTime() / 1000);
  if (difference > MAX_CLOCK_DIFFERENCE_S)
    throw new Finding(
      `the clocks of this machine and of the database differ by ${difference.toFixed(0)} s`,
      'Synchronize both machines with NTP.',
    );
  const missing = await missingPrivileges(dataSource);
  if (missing.length > 0) throw new Finding(`the user lacks ${missing.join(', ')}`, FIXES.ER_DBACCESS_DENIED_ERROR!);
  return `${name} ${version}, connection charset ${charset}`;
}

export function isTooOld(dialect: keyof typeof MIN_VERSIONS, version: string): boolean {
  // servers before MariaDB 11 may prefix their version for old replicas: 5.5.5-10.11.6-MariaDB
  const [major = 0, minor = 0] = version
    .replace(/^5\.5\.5-/, '')
    .split('.')
    .map((part) => parseInt(part, 10));
  const [minMajor, minMinor] = MIN_VERSIONS[dialect];
  return major < minMajor || (major === minMajor && minor < minMinor);
}

/** Of the user itself; privileges of a role are not listed, so they are not checked. */
async function missingPrivileges(dataSource: DataSource): Promise<string[]> {
  const [role] = await dataSource.query<Array<{ role: string | null }>>('SELECT CURRENT_ROLE() AS role');
  if (role?.role && role.role !== 'NONE') return [];
  const rows = await dataSource.query<Array<{ privilege: string }>>(
    `SELECT privilege_type AS privilege FROM information_schema.user_privileges WHERE grantee = ?
      UNION SELECT privilege_type FROM information_schema.schema_privileges
       WHERE grantee = ? AND DATABASE() LIKE table_schema`,
    await granteeTwice(dataSource),
  );
  const granted = new Set(rows.map(({ privilege }) => privilege));
  return PRIVILEGES.filter((privilege) => !granted.has(privilege));
}

async function granteeTwice(dataSource: DataSource): Promise<[string, string]> {
  const [row] = await dataSource.query<Array<{ user: string }>>('SELECT CURRENT_USER() AS user');
  const at = row!.user.lastIndexOf('@');
  const grantee = `'${row!.user.slice(0, at)}'@'${row!.user.slice(at + 1)}'`;
  return [grantee, grantee];
}
