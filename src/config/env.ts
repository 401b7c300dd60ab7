import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';

/** Every variable that the service reads, in one place: `.env.example` describes each of them. */
export class Env {
  readonly NODE_ENV: 'development' | 'test' | 'production';
  readonly HOST: string;
  readonly PORT: number;
  readonly PUBLIC_URL?: string;
  readonly TRUSTED_PROXIES: string[];
  readonly CORS_ORIGINS: string[];
  readonly DATA_DIR: string;
  readonly DATABASE_URI?: URL;
  readonly DATABASE_POOL: number;
  readonly JWT_SECRET?: string[];
  readonly TLS?: 'self-signed';
  readonly LOGIN_RETURN_URLS: string[];
  readonly GOOGLE_CLIENT_ID?: string;
  readonly GOOGLE_CLIENT_SECRET?: string;
  readonly GOOGLE_DISCOVERY_URL: string;
  readonly FACEBOOK_CLIENT_ID?: string;
  readonly FACEBOOK_CLIENT_SECRET?: string;
  readonly FACEBOOK_AUTHORIZE_URL: string;
  readonly FACEBOOK_ACCESS_TOKEN_URL: string;
  readonly FACEBOOK_USER_INFO_URL: string;
  readonly GOOGLE_APPLICATION_CREDENTIALS?: string;
  readonly GOOGLE_PROJECT?: string;
  readonly GOOGLE_BUCKET?: string;
  readonly GOOGLE_STORAGE_ENDPOINT?: string;
  readonly PHOTO_DELIVERY: 'signed' | 'public';
  readonly ADMIN_EMAIL?: string;
  readonly ADMIN_PASSWORD?: string;
  readonly DOCS: boolean;
  readonly DRAIN_SECONDS: number;
  readonly LOG_LEVEL: 'debug' | 'info' | 'warn' | 'error';
  readonly METRICS_PORT?: number;
  readonly WEB_CONCURRENCY: number;
}

/** All that is wrong with the environment. The values are left out: they may be secrets, and logs are read by many. */
export class ConfigurationError extends Error {
  constructor(readonly mistakes: string[]) {
    super(`The configuration has ${mistakes.length} mistake(s):\n${mistakes.map((line) => `  ${line}`).join('\n')}`);
  }
}

/** sysexits.h EX_CONFIG: tells a supervisor that starting again will not help. */
export const EXIT_CONFIGURATION = 78;

const GOOGLE_DISCOVERY_URL = 'https://accounts.google.com/.well-known/openid-configuration';
/** The version of Facebook's Graph API: each lives for two years at least. */
const GRAPH = 'v24.0';

type Reader<T> = (raw: string) => T;

const text: Reader<string> = (raw) => raw;

const oneOf =
  <const T extends string>(...allowed: T[]): Reader<T> =>
  (raw) => {
    if (!allowed.includes(raw as T)) throw new Error(`must be one of ${allowed.join(', ')}`);
    return raw as T;
  };

const integer =
  (min: number, max: number): Reader<number> =>
  (raw) => {
    const value = Number(raw);
    if (!/^\d+$/.test(raw) || value < min || value > max)
      throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };

const list =
  <T>(item: Reader<T>): Reader<T[]> =>
  (raw) =>
    raw
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
      .map(item);

const origin: Reader<string> = (raw) => {
  const url = URL.canParse(raw) ? new URL(raw) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || raw.includes('*') || raw.replace(/\/$/, '') !== url.origin)
    throw new Error('must be an origin such as https://crm.example.com, without a path');
  return url.origin;
};

const url: Reader<string> = (raw) => {
  const parsed = URL.canParse(raw) ? new URL(raw) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password || parsed.hash)
    throw new Error('must be an address such as https://app.example.com/signed-in');
  return parsed.href;
};

const returnUrl: Reader<string> = (raw) => {
  const address = url(raw);
  if (address.includes('?'))
    throw new Error('must be addresses without a query, such as https://app.example.com/signed-in');
  return address;
};

const proxy: Reader<string> = (raw) => {
  const [address = '', prefix, ...rest] = raw.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  const named = ['loopback', 'linklocal', 'uniquelocal'].includes(raw);
  const prefixed = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  if (!named && (!isIP(address) || !prefixed || rest.length > 0))
    throw new Error('must be IP addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal');
  return raw;
};

// The Flask service's addresses may name SQLAlchemy's driver, and leave out the host of a socket: mysql+pymysql://me@/db
const database: Reader<URL> = (raw) => {
  const address = raw.replace('@/', '@localhost/');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const parts = url && [url.username, url.password, url.pathname];
  if (!url || !/^(mysql|mariadb)(\+\w+)?:$/.test(url.protocol) || url.pathname.length < 2 || !parts?.every(isEncoded))
    throw new Error('must be mysql://user:password@host:3306/database, with special characters as %..');
  return url;
};

function isEncoded(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

const file: Reader<string> = (raw) => {
  if (!existsSync(raw)) throw new Error('must be the path of a file');
  return raw;
};

const bucket: Reader<string> = (raw) => {
  if (!/^[a-z\d][a-z\d_.-]{1,220}[a-z\d]$/.test(raw)) throw new Error('must be the name of a bucket, without gs://');
  return raw;
};

const secrets: Reader<string[]> = (raw) => {
  const found = list(secret)(raw);
  if (found.length === 0) throw new Error('must have at least one secret');
  return found;
};

const secret: Reader<string> = (raw) => {
  if (Buffer.byteLength(raw) < 32) throw new Error('each secret must have at least 32 bytes');
  return raw;
};

const email: Reader<string> = (raw) => {
  if (!/^[^\s@]+@[^\s@]+$/.test(raw) || raw.length > 120)
    throw new Error('must be an e-mail address of at most 120 characters');
  return raw.trim().toLowerCase();
};

const password: Reader<string> = (raw) => {
  const length = [...raw].length;
  if (length < 8 || length > 128) throw new Error('must have 8 to 128 characters');
  return raw;
};

/** The environment with what `.env` adds to it, for every program that starts here. */
export function loadEnv(): Env {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readEnv(process.env);
}

/** Reads the environment; an empty variable counts as unset. Throws one ConfigurationError that names every mistake. */
export function readEnv(source: NodeJS.ProcessEnv): Env {
  const mistakes: string[] = [];

  function read<T>(name: keyof Env, reader: Reader<T>): T | undefined;
  function read<T>(name: keyof Env, reader: Reader<T>, fallback: T): T;
  function read<T>(name: keyof Env, reader: Reader<T>, fallback?: T): T | undefined {
    const raw = source[name];
    if (!raw?.trim()) return fallback;
    try {
      // a password may begin or end with a space
      return reader(name === 'ADMIN_PASSWORD' ? raw : raw.trim());
    } catch (error) {
      mistakes.push(`${name} ${(error as Error).message}`);
      return fallback;
    }
  }

  const NODE_ENV = read('NODE_ENV', oneOf('development', 'test', 'production'), 'development');
  const env: Env = {
    NODE_ENV,
    HOST: read('HOST', text, '127.0.0.1'),
    PORT: read('PORT', integer(0, 65535), 5000),
    PUBLIC_URL: read('PUBLIC_URL', origin),
    TRUSTED_PROXIES: read('TRUSTED_PROXIES', list(proxy), []),
    CORS_ORIGINS: read('CORS_ORIGINS', list(origin), []),
    DATA_DIR: read('DATA_DIR', text, '.data'),
    DATABASE_URI: read('DATABASE_URI', database),
    DATABASE_POOL: read('DATABASE_POOL', integer(2, 1000), 10),
    JWT_SECRET: read('JWT_SECRET', secrets),
    TLS: read('TLS', oneOf('self-signed')),
    LOGIN_RETURN_URLS: read('LOGIN_RETURN_URLS', list(returnUrl), []),
    GOOGLE_CLIENT_ID: read('GOOGLE_CLIENT_ID', text),
    GOOGLE_CLIENT_SECRET: read('GOOGLE_CLIENT_SECRET', text),
    GOOGLE_DISCOVERY_URL: read('GOOGLE_DISCOVERY_URL', url, GOOGLE_DISCOVERY_URL),
    FACEBOOK_CLIENT_ID: read('FACEBOOK_CLIENT_ID', text),
    FACEBOOK_CLIENT_SECRET: read('FACEBOOK_CLIENT_SECRET', text),
    FACEBOOK_AUTHORIZE_URL: read('FACEBOOK_AUTHORIZE_URL', url, `https://www.facebook.com/${GRAPH}/dialog/oauth`),
    FACEBOOK_ACCESS_TOKEN_URL: read(
      'FACEBOOK_ACCESS_TOKEN_URL',
      url,
      `https://graph.facebook.com/${GRAPH}/oauth/access_token`,
    ),
    FACEBOOK_USER_INFO_URL: read('FACEBOOK_USER_INFO_URL', url, `https://graph.facebook.com/${GRAPH}/me`),
    GOOGLE_APPLICATION_CREDENTIALS: read('GOOGLE_APPLICATION_CREDENTIALS', file),
    GOOGLE_PROJECT: read('GOOGLE_PROJECT', text),
    GOOGLE_BUCKET: read('GOOGLE_BUCKET', bucket),
    GOOGLE_STORAGE_ENDPOINT: read('GOOGLE_STORAGE_ENDPOINT', origin),
    PHOTO_DELIVERY: read('PHOTO_DELIVERY', oneOf('signed', 'public'), 'signed'),
    ADMIN_EMAIL: read('ADMIN_EMAIL', email),
    ADMIN_PASSWORD: read('ADMIN_PASSWORD', password),
    DOCS: read('DOCS', oneOf('on', 'off'), 'on') === 'on',
    DRAIN_SECONDS: read('DRAIN_SECONDS', integer(0, 300), NODE_ENV === 'production' ? 15 : 0),
    LOG_LEVEL: read('LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error'), 'info'),
    METRICS_PORT: read('METRICS_PORT', integer(0, 65535)),
    WEB_CONCURRENCY: read('WEB_CONCURRENCY', integer(1, 256), workersFor(source)),
  };

  if (source.DATABASE_URI?.trim() && !source.JWT_SECRET?.trim())
    mistakes.push('JWT_SECRET is required with DATABASE_URI: every instance has to know the same one');
  if (!source.ADMIN_EMAIL?.trim() !== !source.ADMIN_PASSWORD?.trim())
    mistakes.push('ADMIN_EMAIL and ADMIN_PASSWORD go together: set both or neither');
  for (const name of ['GOOGLE_CLIENT', 'FACEBOOK_CLIENT'])
    if (!source[`${name}_ID`]?.trim() !== !source[`${name}_SECRET`]?.trim())
      mistakes.push(`${name}_ID and ${name}_SECRET go together: set both or neither`);
  if (env.PHOTO_DELIVERY === 'public' && !source.GOOGLE_BUCKET?.trim())
    mistakes.push('PHOTO_DELIVERY can be public only with GOOGLE_BUCKET');
  if (env.METRICS_PORT && env.METRICS_PORT === env.PORT)
    mistakes.push('METRICS_PORT must be another than PORT: metrics are not for the public');
  if (env.WEB_CONCURRENCY > 1 && !source.DATABASE_URI?.trim())
    mistakes.push('WEB_CONCURRENCY must be 1 without DATABASE_URI: the embedded database belongs to one process');
  if (env.WEB_CONCURRENCY > 1 && env.TLS)
    mistakes.push('WEB_CONCURRENCY must be 1 with TLS: each process would make a certificate of its own');
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  return env;
}

/** In production one for each core, within what a container may use (since Node 22.6 of its quota, too). */
function workersFor({ NODE_ENV, DATABASE_URI, TLS }: NodeJS.ProcessEnv): number {
  return NODE_ENV === 'production' && DATABASE_URI && !TLS ? availableParallelism() : 1;
}
