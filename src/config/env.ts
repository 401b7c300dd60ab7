import { availableParallelism } from 'node:os';
import { databaseUri, databaseUris } from './database-uri.js';
import { loadDotenv } from './dotenv.js';
import {
  bucketName,
  email,
  existingFile,
  integer,
  list,
  oneOf,
  onOrOff,
  origin,
  password,
  proxy,
  type Reader,
  returnUrl,
  secrets,
  text,
  url,
} from './env-readers.js';
import { similarName } from './similar-names.js';
import { StartError } from './start-error.js';

/** The variables that are set, as text. */
type Source = Record<string, string | undefined>;
type Fallback<T> = T | ((source: Source) => T);

interface Variable<T> {
  read: Reader<T>;
  fallback: Fallback<T>;
}

function variable<T>(read: Reader<T>): Variable<T | undefined>;
function variable<T>(read: Reader<T>, fallback: Fallback<T>): Variable<T>;
function variable<T>(read: Reader<T>, fallback?: Fallback<T>): Variable<T | undefined> {
  return { read, fallback };
}

/** Facebook supports each version of its Graph API for at least two years. */
const GRAPH = 'v24.0';

/** Every variable of the service, with its default value. `.env.example` describes them for operators. */
const VARIABLES = {
  ADMIN_EMAIL: variable(email),
  ADMIN_PASSWORD: variable(password),
  CORS_ORIGINS: variable(list(origin), []),
  DATA_DIR: variable(text, '.data'),
  DATABASE_POOL: variable(integer(2, 1000), 10),
  DATABASE_REPLICA_URIS: variable(databaseUris, []),
  DATABASE_URI: variable(databaseUri),
  DOCS: variable(onOrOff, true),
  DRAIN_SECONDS: variable(integer(0, 300), ({ NODE_ENV }) => (NODE_ENV === 'production' ? 15 : 0)),
  FACEBOOK_ACCESS_TOKEN_URL: variable(url, `https://graph.facebook.com/${GRAPH}/oauth/access_token`),
  FACEBOOK_AUTHORIZE_URL: variable(url, `https://www.facebook.com/${GRAPH}/dialog/oauth`),
  FACEBOOK_CLIENT_ID: variable(text),
  FACEBOOK_CLIENT_SECRET: variable(text),
  FACEBOOK_USER_INFO_URL: variable(url, `https://graph.facebook.com/${GRAPH}/me`),
  GOOGLE_APPLICATION_CREDENTIALS: variable(existingFile),
  GOOGLE_BUCKET: variable(bucketName),
  GOOGLE_CLIENT_ID: variable(text),
  GOOGLE_CLIENT_SECRET: variable(text),
  GOOGLE_DISCOVERY_URL: variable(url, 'https://accounts.google.com/.well-known/openid-configuration'),
  GOOGLE_PROJECT: variable(text),
  GOOGLE_STORAGE_ENDPOINT: variable(origin),
  HOST: variable(text, '127.0.0.1'),
  JWT_SECRET: variable(secrets),
  LOG_LEVEL: variable(oneOf('debug', 'info', 'warn', 'error'), 'info'),
  LOGIN_RETURN_URLS: variable(list(returnUrl), []),
  METRICS_PORT: variable(integer(0, 65535)),
  NODE_ENV: variable(oneOf('development', 'test', 'production'), 'development'),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(url),
  PHOTO_DELIVERY: variable(oneOf('signed', 'public'), 'signed'),
  PORT: variable(integer(0, 65535), 5000),
  PUBLIC_URL: variable(origin),
  TLS: variable(oneOf('self-signed')),
  TRUSTED_PROXIES: variable(list(proxy), []),
  WEB_CONCURRENCY: variable(integer(1, 256), defaultConcurrency),
};

/** One worker per core, limited to the container's CPU quota from Node 22.6 on. */
function defaultConcurrency({ NODE_ENV, DATABASE_URI, TLS }: Source): number {
  return NODE_ENV === 'production' && DATABASE_URI && !TLS ? availableParallelism() : 1;
}

type Name = keyof typeof VARIABLES;
type Values = { readonly [N in Name]: (typeof VARIABLES)[N] extends Variable<infer T> ? T : never };

/** The parsed environment: a class, so that Nest can inject it; its type is inferred from the table above. */
export class Env extends (class {} as new () => Values) {}

/** Lists every problem of the environment. Values are omitted: they may be secrets, and many people read logs. */
export class ConfigurationError extends StartError {
  override readonly isLasting = true;

  constructor(
    readonly problems: string[],
    warnings: string[] = [],
  ) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`Invalid configuration (${count}):\n${[...problems, ...warnings].map((line) => `  ${line}`).join('\n')}`);
  }
}

/** Reads the environment of this process, completed by `.env`. Adds names that look misspelled to `warnings`. */
export function loadEnv(warnings: string[] = []): Env {
  const { values, problems } = loadDotenv('.env', process.env);
  warnings.push(...findMisspelled(Object.keys(values), Object.keys(process.env)));
  for (const [name, value] of Object.entries(values)) process.env[name] ??= value;
  return readEnv(process.env, problems, warnings);
}

/** The environment has many names of other programs, so short ones prove nothing there. */
const MIN_LENGTH_OUTSIDE = 8;

function findMisspelled(inFile: string[], outside: string[]): string[] {
  const known = Object.keys(VARIABLES);
  const names = new Set([...inFile, ...outside.filter((name) => name.length >= MIN_LENGTH_OUTSIDE)]);
  return [...names].flatMap((name) => {
    const meant = similarName(name, known);
    // the name may be of any characters
    const shown = JSON.stringify(name.slice(0, 64));
    return meant ? [`${shown} is no variable of the service and has no effect; ${meant} is one`] : [];
  });
}

/**
 * An empty or blank variable counts as unset. Throws one ConfigurationError that lists every problem, and the warnings, which
 * may be their reason.
 */
export function readEnv(environment: NodeJS.ProcessEnv, problemsOfFile: string[] = [], warnings: string[] = []): Env {
  const source: Source = {};
  for (const name of Object.keys(VARIABLES)) {
    const raw = environment[name];
    // a password may begin or end with a space
    if (raw?.trim()) source[name] = name === 'ADMIN_PASSWORD' ? raw : raw.trim();
  }
  const problems = [...problemsOfFile];
  const values = Object.entries<Variable<unknown>>(VARIABLES).map(([name, { read, fallback }]) => {
    const raw = source[name];
    try {
      if (raw !== undefined) return [name, read(raw)];
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
    }
    return [name, typeof fallback === 'function' ? (fallback as (source: Source) => unknown)(source) : fallback];
  });
  const env = Object.fromEntries(values) as Env;
  problems.push(...findConflicts(source, env));
  if (problems.length > 0) throw new ConfigurationError(problems, warnings);
  return env;
}

/** Rules between variables. Those about presence look at the text, so that an invalid value is reported only once. */
function findConflicts(source: Source, env: Env): string[] {
  const conflicts: string[] = [];
  const refuse = (isConflict: unknown, message: string): void => {
    if (isConflict) conflicts.push(message);
  };
  refuse(
    source.DATABASE_URI && !source.JWT_SECRET,
    'JWT_SECRET is required with DATABASE_URI: all instances must share one secret',
  );
  refuse(
    source.DATABASE_REPLICA_URIS && !source.DATABASE_URI,
    'DATABASE_REPLICA_URIS requires DATABASE_URI: the embedded database has no replicas',
  );
  for (const [one, other] of [
    ['ADMIN_EMAIL', 'ADMIN_PASSWORD'],
    ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
    ['FACEBOOK_CLIENT_ID', 'FACEBOOK_CLIENT_SECRET'],
  ] as const)
    refuse(!source[one] !== !source[other], `${one} and ${other} must be set together, or neither of them`);
  refuse(
    env.PHOTO_DELIVERY === 'public' && !source.GOOGLE_BUCKET,
    'PHOTO_DELIVERY can be `public` only with GOOGLE_BUCKET',
  );
  refuse(
    env.METRICS_PORT && env.METRICS_PORT === env.PORT,
    'METRICS_PORT must differ from PORT: metrics must not be public',
  );
  refuse(
    env.WEB_CONCURRENCY > 1 && !source.DATABASE_URI,
    'WEB_CONCURRENCY must be 1 without DATABASE_URI: only one process can use the embedded database',
  );
  refuse(
    env.WEB_CONCURRENCY > 1 && env.TLS,
    'WEB_CONCURRENCY must be 1 with TLS: each process would create its own certificate',
  );
  return conflicts;
}
