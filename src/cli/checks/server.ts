import type { DataSource } from 'typeorm';
import type { Clock } from '../../config/clock.js';
import { GRANT } from '../../database/connection-error.js';
import { dialectOf } from '../../database/dialect.js';
import { Finding } from './check.js';

/** What the service and its migrations do. */
const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'DROP', 'INDEX', 'REFERENCES'];
/** Older ones get no more security updates, and lack what the migrations need. */
const MIN_VERSIONS = { mysql: [8, 0], mariadb: [10, 6] } as const;
/** Sign-in codes live for 60 s; instances must agree on the time far better than that. */
const MAX_CLOCK_DIFFERENCE_S = 10;

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
  if (missing.length > 0) throw new Finding(`the user lacks ${missing.join(', ')}`, GRANT);
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
