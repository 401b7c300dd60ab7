import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { createService } from '../../src/app.setup.js';
import { AccessTokens } from '../../src/auth/access-tokens.js';
import { RefreshTokens } from '../../src/auth/refresh-tokens.js';
import { SessionsService } from '../../src/auth/sessions.service.js';
import { Clock } from '../../src/config/clock.js';
import { readEnv } from '../../src/config/env.js';
import { PasswordHasher } from '../../src/users/password-hasher.js';
import type { CreatedUserDto, CreateUserDto } from '../../src/users/user.dto.js';
import { UsersService } from '../../src/users/users.service.js';
import { Client } from './client.js';
import { createDatabase, type Kind, type TestDatabase } from './databases.js';

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' };
const FIRST_ADMIN_ID = 1;
export const JWT_SECRET = 'the secret of the tests - long enough for HS256';

/** A clock that stands where a test puts it, ahead of the real one. */
export class MovableClock extends Clock {
  private aheadMs = 0;
  /** How many times as fast pauses pass as they really would. */
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

  /** Back to now: the access token of the first admin, whom the tests of a file share, lives for ten minutes. */
  reset(): void {
    this.aheadMs = 0;
  }
}

export interface TestService {
  app: NestFastifyApplication;
  clock: MovableClock;
  database: TestDatabase;
  dataDir: string;
  /** For looking at rows. */
  dataSource: DataSource;
  anonymous: Client;
  /** The first admin, signed in. */
  admin: Client;
  /** A new user, signed in. */
  user: (overrides?: Record<string, unknown>) => Promise<Client & { id: number; email: string; password: string }>;
  close: () => Promise<void>;
}

interface StartOptions {
  /** SQL that fills the database before it is migrated. */
  sql?: string;
  /** The server that its database is on, if it is another than that of all tests. */
  server?: string;
  /** Another instance on the database of a service that runs; closing it leaves the database. */
  beside?: TestService;
  env?: Record<string, string>;
  /** Whether the first admin signs in; there may be another than usual. */
  signIn?: boolean;
}

/** The real service, as `main` starts it, listening on loopback on a database of its own. */
export async function startService(
  kind: Kind,
  { sql, server, beside, env = {}, signIn = !sql }: StartOptions = {},
): Promise<TestService> {
  const dataDir = beside?.dataDir ?? mkdtempSync(join(tmpdir(), 'crm-test-'));
  const database = beside?.database ?? (await createDatabase(kind, sql, server));
  const clock = beside?.clock ?? new MovableClock();
  const { app, api } = await createService(
    readEnv({
      NODE_ENV: 'test',
      LOG_LEVEL: 'error',
      DATA_DIR: dataDir,
      DATABASE_URI: database.uri,
      JWT_SECRET,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      // each request of the test client says that it comes from somewhere else
      TRUSTED_PROXIES: 'loopback',
      ...env,
    }),
    clock,
  );
  await app.listen(0, '127.0.0.1');
  const anonymous = new Client(await app.getUrl(), api);
  /** Signed in without a password, whose check takes longer than most tests. */
  const signedIn = async (userId: number): Promise<Client> => {
    const client = { ipAddress: '127.0.0.1', userAgent: null, requestId: '' };
    const session = await app.get(SessionsService).start(userId, 1, client);
    const accessToken = app.get(AccessTokens).issue({ userId, sessionId: session.id });
    return anonymous.as(accessToken, app.get(RefreshTokens).of(session));
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
      if (beside) return;
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Hashes of the few passwords that the tests use: making one for every user takes longer than all that they test. */
const hashes = new Map<string, string>();

/** Made through the service itself, by the first admin; the password is put in as its hash. */
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
/** Different for every call, so that tests of one file do not meet in the database they share. */
export const unique = (): string => `${process.pid}-${++count}`;

export function newCustomer(overrides: Record<string, unknown> = {}): Record<string, unknown> & { email: string } {
  return { email: `customer-${unique()}@example.com`, name: 'Ana María', surname: 'de la Cruz', ...overrides };
}

export function newUser(overrides: Record<string, unknown> = {}): CreateUserDto & { password: string } {
  const email = `user-${unique()}@example.com`;
  return { email, name: 'Ben', surname: 'Müller', password: 'battery staple', ...overrides };
}
