import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import type { components } from '../../client/src/index.js';
import { createService } from '../../src/app.setup.js';
import { AccessTokens } from '../../src/auth/access-tokens.js';
import { RefreshTokens } from '../../src/auth/refresh-tokens.js';
import { SessionsService } from '../../src/auth/sessions.service.js';
import { Clock } from '../../src/config/clock.js';
import { readEnv } from '../../src/config/env.js';
import { createLogger } from '../../src/logging/logger.js';
import { PasswordHasher } from '../../src/users/password-hasher.js';
import type { CreatedUserDto, CreateUserDto } from '../../src/users/user.dto.js';
import { UsersService } from '../../src/users/users.service.js';
import { checkResponses } from './checked-responses.js';
import { Client } from './client.js';
import { createDatabase, type Kind, type TestDatabase } from './databases.js';

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' };
const FIRST_ADMIN_ID = 1;
export const JWT_SECRET = 'the secret of the tests - long enough for HS256';

/** A clock that tests move ahead of the real time. */
export class MovableClock extends Clock {
  private aheadMs = 0;
  /** Factor by which waits are shortened. */
  pace = 1;

  override now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }

  override wait(ms: number): Promise<void> {
    return super.wait(ms / this.pace);
  }

  forward(ms: number): void {
    this.aheadMs += ms;
  }

  /**
   * Returns to the real time: the tests of a file share the first admin's access token, which is valid for 10 minutes.
   */
  reset(): void {
    this.aheadMs = 0;
  }
}

export interface TestService {
  app: NestFastifyApplication;
  clock: MovableClock;
  database: TestDatabase;
  dataDir: string;
  /** For reading rows directly. */
  dataSource: DataSource;
  anonymous: Client;
  /** The first admin, signed in. */
  admin: Client;
  /** A new user, signed in. */
  user: (overrides?: Record<string, unknown>) => Promise<Client & { id: number; email: string; password: string }>;
  close: () => Promise<void>;
}

interface StartOptions {
  /** SQL to run before the migrations. */
  sql?: string;
  /** URI of the database server, if it is not the one of all tests. */
  server?: string;
  /** The database to use instead of a new one. */
  database?: TestDatabase;
  /** Starts another instance on the database of this service; closing it keeps the database. */
  beside?: TestService;
  env?: Record<string, string>;
  /** Receives the lines of the log. Default: standard output. */
  log?: (line: string) => void;
  /** Whether to sign in the first admin. Default: true unless `sql` is given, as that may contain other users. */
  signIn?: boolean;
}

/** Starts the real service like `main`, on loopback and on its own database. */
export async function startService(
  kind: Kind,
  { sql, server, database: given, beside, env: settings = {}, log, signIn = !sql }: StartOptions = {},
): Promise<TestService> {
  const dataDir = beside?.dataDir ?? mkdtempSync(join(tmpdir(), 'crm-test-'));
  const database = beside?.database ?? given ?? (await createDatabase(kind, sql, server));
  const clock = beside?.clock ?? new MovableClock();
  const env = readEnv({
    NODE_ENV: 'test',
    LOG_LEVEL: 'error',
    DATA_DIR: dataDir,
    DATABASE_URI: database.uri,
    JWT_SECRET,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    // every request of the test client has another X-Forwarded-For
    TRUSTED_PROXIES: 'loopback',
    ...settings,
  });
  const { app, api } = await createService(env, clock, log && (await createLogger(env, { write: log })));
  await app.listen(0, '127.0.0.1');
  const anonymous = new Client(await app.getUrl(), api);
  const violations = checkResponses(app.getHttpServer(), api, anonymous.url);
  /** Starts a session without a password: hashing takes longer than most tests. */
  const signedIn = async (userId: number): Promise<Client> => {
    const client = { ipAddress: '127.0.0.1', userAgent: null, requestId: '' };
    const session = await app.get(SessionsService).start(userId, 1, client);
    const accessToken = app.get(AccessTokens).issue({ userId, sessionId: session.id });
    return anonymous.as(accessToken, app.get(RefreshTokens).issue(session));
  };
  const admin = signIn ? await signedIn(FIRST_ADMIN_ID) : anonymous;
  return {
    app,
    clock,
    database,
    dataDir,
    dataSource: app.get(DataSource),
    anonymous,
    admin,
    user: async (overrides) => {
      const values = newUser(overrides);
      const { id } = await createUser(app, values);
      return Object.assign(await signedIn(id), { id, email: values.email, password: values.password });
    },
    close: async () => {
      await app.close();
      if (!beside) {
        await database.drop();
        rmSync(dataDir, { recursive: true, force: true });
      }
      if (violations.length > 0) throw new Error(`Undocumented responses:\n${violations.join('\n')}`);
    },
  };
}

/** Hashes by password: hashing again for every user would take longer than the tests themselves. */
const hashes = new Map<string, string>();

/** Creates a user through UsersService and stores the cached hash of the password. */
async function createUser(
  app: NestFastifyApplication,
  { password, ...values }: CreateUserDto,
): Promise<CreatedUserDto> {
  const context = { actorId: FIRST_ADMIN_ID, requestId: 'test' };
  const user = await app.get(UsersService).create(context, values);
  if (password !== undefined) {
    const hash = hashes.get(password) ?? (await app.get(PasswordHasher).hash(password));
    hashes.set(password, hash);
    await app
      .get(DataSource)
      .query('UPDATE users SET password_hash = ?, password_token_hash = NULL WHERE id = ?', [hash, user.id]);
  }
  return user;
}

let count = 0;
/** Unique for every call, as the tests of a file share a database. */
export const unique = (): string => `${process.pid}-${++count}`;

export type NewCustomer = components['schemas']['CreateCustomer'];

export function newCustomer(overrides?: Partial<NewCustomer>): NewCustomer;
export function newCustomer(overrides: Record<string, unknown>): Record<string, unknown> & { email: string };
export function newCustomer(overrides = {}): NewCustomer {
  return { email: `customer-${unique()}@example.com`, name: 'Ana María', surname: 'de la Cruz', ...overrides };
}

export function newUser(overrides: Record<string, unknown> = {}): CreateUserDto & { password: string } {
  const email = `user-${unique()}@example.com`;
  return { email, name: 'Ben', surname: 'Müller', password: 'battery staple', ...overrides };
}
