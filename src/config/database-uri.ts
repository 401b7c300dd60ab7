import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type DatabaseTls, type Parameters, readTls, TLS_PARAMETERS } from './database-tls.js';

/** Where the database is, and how to sign in to it. */
export interface DatabaseAddress {
  host: string;
  port: number;
  socketPath?: string;
  user: string;
  password: string;
  database: string;
  tls?: DatabaseTls;
}

const FORMAT = 'must be mysql://user:password@host:3306/database';
const ENCODING =
  'must be mysql://user:password@host:3306/database with special characters percent-encoded: ' +
  '/ as %2F, @ as %40, # as %23, ? as %3F, : as %3A, % as %25';

/** SQLAlchemy's driver may follow the scheme, as in the URIs of the Flask service. */
const SCHEME = /^(?:mysql|mariadb)(?:\+\w+)?:\/\//i;
const PARTS =
  /^(?:(?<user>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<host>\[[^\]@/?#]*\]|[^:@/?#[\]]*)(?::(?<port>[^@/?#]*))?(?:\/(?<database>[^@/?#]*))?(?:\?(?<query>[^#?]*))?$/;

/** Parameters besides those of TLS, in the spellings of mysql2, PyMySQL and mysqlclient. */
const PARAMETERS = ['socketPath', 'unix_socket', 'charset', 'use_unicode'];

/**
 * Parses `DATABASE_URI`, including the forms that SQLAlchemy accepts. Not with `URL`, which takes a part of a password
 * with special characters for the host. Messages never contain a part of the URI, except the names of parameters, and
 * those only if they cannot be parts of a password.
 */
export function databaseUri(raw: string): DatabaseAddress {
  if (!SCHEME.test(raw)) throw new Error(FORMAT);
  const rest = raw.replace(SCHEME, '');
  const parts = PARTS.exec(rest)?.groups;
  // an @ behind the query's start belongs to a password unless a user was read before
  if (!parts || (parts.query?.includes('@') && (!parts.user || !parts.database))) throw new Error(ENCODING);
  const [user = '', password = '', database = ''] = [parts.user, parts.password, parts.database].map(decode);
  const parameters = readParameters(parts.query ?? '');
  const problems = [
    ...unless(user, 'must contain a user'),
    ...unless(database, 'must contain the name of a database'),
    ...unless(
      !parts.port || isPort(parts.port),
      'must have a port from 1 to 65535, and brackets around an IPv6 address',
    ),
    ...parameters.problems,
  ];
  const host = attempt(problems, () => readHost(parts.host!));
  const socketPath = attempt(problems, () => readSocket(parameters.values));
  attempt(problems, () => checkCharset(parameters.values));
  const tls = attempt(problems, () => readTls(parameters.values));
  // mysql2 would compare an address with nothing
  if (tls?.options.verifyIdentity && host && isIP(host))
    problems.push('must have a host name instead of an address to verify the identity of the server');
  if (problems.length > 0) throw new Error(problems.join('; '));
  return { host: host!, port: Number(parts.port || 3306), socketPath, user, password, database, tls };
}

/** The mistakes of all URIs are reported at once, with their places in the list. */
export function databaseUris(raw: string): DatabaseAddress[] {
  const uris = raw
    .split(',')
    .map((uri) => uri.trim())
    .filter(Boolean);
  const problems: string[] = uris.length > 0 ? [] : ['must contain at least one URI'];
  const addresses = uris.flatMap((uri, index) => {
    const place = uris.length > 1 ? `(URI ${index + 1} of ${uris.length}, separated by commas; , is %2C) ` : '';
    const found: string[] = [];
    const address = attempt(found, () => databaseUri(uri));
    problems.push(...found.map((problem) => place + problem));
    return address ?? [];
  });
  if (problems.length > 0) throw new Error(problems.join('; '));
  return addresses;
}

const unless = (condition: unknown, problem: string): string[] => (condition ? [] : [problem]);

const isPort = (text: string): boolean => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

/** The problems of all parts are reported at once. */
function attempt<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push((error as Error).message);
    return undefined;
  }
}

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? '');
  } catch {
    throw new Error(ENCODING);
  }
}

/** Without a host, as with a socket, it is this machine. */
function readHost(text: string): string {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  // the zone of a link-local address is introduced by %25 (RFC 6874)
  const address = bracketed?.replace('%25', '%');
  if (address !== undefined) {
    if (isIP(address) === 6) return address;
  } else {
    const host = domainToASCII(text || 'localhost');
    if (/^[\w.-]+$/.test(host)) return host;
  }
  throw new Error('must have a host name, an IPv4 address, or an IPv6 address in brackets');
}

/** Names are compared without case, - and _: clients spell them `ssl-mode`, `ssl_mode` and `sslMode`. */
function readParameters(query: string): { values: Parameters; problems: string[] } {
  const known = [...PARAMETERS, ...TLS_PARAMETERS];
  const values: Parameters = new Map();
  const problems: string[] = [];
  for (const [name, value] of new URLSearchParams(query)) {
    const found = known.find((candidate) => normalized(candidate) === normalized(name));
    // anything else may be a part of a password
    if (!found && (query.includes('@') || !/^\w[\w-]{0,63}$/.test(name))) throw new Error(ENCODING);
    if (!found) problems.push(`must not have the parameter ${name}; known are ${known.join(', ')}`);
    else if (values.has(found)) problems.push(`must have the parameter ${found} only once`);
    else values.set(found, value.trim());
  }
  return { values, problems };
}

const normalized = (name: string): string => name.replace(/[-_]/g, '').toLowerCase();

function readSocket(values: Parameters): string | undefined {
  const paths = ['socketPath', 'unix_socket'].map((name) => values.get(name)).filter((path) => path !== undefined);
  if (paths.length > 1) throw new Error('must have only one of socketPath and unix_socket');
  if (paths[0]?.startsWith('/') === false || paths[0]?.includes('\0'))
    throw new Error('must have an absolute path as socketPath');
  return paths[0] || undefined;
}

/** The connection always uses utf8mb4, which contains what MySQL calls utf8. */
function checkCharset(values: Parameters): void {
  const charset = values.get('charset') ?? 'utf8mb4';
  if (!/^(utf8mb4|utf8mb3|utf8|utf-8)$/i.test(charset)) throw new Error('must have utf8mb4 as charset, or none');
  if (!/^(1|true)$/i.test(values.get('use_unicode') ?? '1')) throw new Error('must have 1 as use_unicode, or none');
}
