import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import { createService } from '../../src/app.setup.js';
import { type Env, readEnv } from '../../src/config/env.js';
import { connectionOptions, openDataSource } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';
import { createDatabase, type Kind, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

const NAMES = migrations.map(({ name }) => name);

/** An empty database and the environment of an instance that uses it. */
interface Installation {
  database: TestDatabase;
  variables: Record<string, string>;
  env: Env;
  remove: () => Promise<void>;
}

async function createInstallation(kind: Kind): Promise<Installation> {
  const database = await createDatabase(kind);
  const directory = mkdtempSync(join(tmpdir(), 'crm-migrations-'));
  const variables = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'error',
    DATA_DIR: directory,
    ...(database.uri && { DATABASE_URI: database.uri, JWT_SECRET }),
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
  };
  const remove = async (): Promise<void> => {
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { database, variables, env: readEnv(variables), remove };
}

interface Instance {
  url: string;
  close: () => Promise<unknown>;
}

async function startInProcess(env: Env): Promise<Instance> {
  const { app } = await createService(env);
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}

async function send(url: string, method: string, path: string, token?: string, body?: unknown): Promise<any> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  return { status: response.status, ...((await response.json()) as object) };
}

const signIn = (url: string): Promise<any> => send(url, 'POST', '/login', undefined, ADMIN);

async function findSchemaDrift(dataSource: DataSource): Promise<string[]> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => query);
}

const listTables = async (dataSource: DataSource): Promise<string[]> => {
  const sql =
    dataSource.options.type === 'better-sqlite3'
      ? `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
      : 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()';
  const rows = await dataSource.query<Array<{ name: string }>>(sql);
  // TypeORM and the first instance to start create these
  return rows
    .map(({ name }) => name)
    .filter((name) => !['migrations', 'typeorm_metadata', 'locks'].includes(name))
    .sort();
};

const listApplied = async (dataSource: DataSource): Promise<string[]> =>
  (await dataSource.query<Array<{ name: string }>>('SELECT name FROM migrations ORDER BY id')).map(({ name }) => name);

onEveryDatabase((kind) => {
  describe('the migrations', () => {
    let installation: Installation;
    let dataSource: DataSource;
    beforeAll(async () => {
      installation = await createInstallation(kind);
      dataSource = await openDataSource(await connectionOptions(installation.env, entities));
    });
    afterAll(async () => {
      await dataSource.destroy();
      await installation.remove();
    });

    it('create exactly the schema that the entities expect', async () => {
      await dataSource.runMigrations();
      expect(await findSchemaDrift(dataSource)).toEqual([]);
      expect(await listApplied(dataSource)).toEqual(NAMES);
      const expected = dataSource.entityMetadatas.map(({ tableName }) => tableName).sort();
      expect(await listTables(dataSource)).toEqual(expected);
    });

    it('do nothing if all of them are applied', async () => {
      expect(await dataSource.runMigrations()).toEqual([]);
    });

    it('can be rolled back one by one and applied again on existing rows', async () => {
      const at = '2026-11-01 12:00:00';
      await dataSource.query(
        `INSERT INTO users (id, email, name, surname, created_at, is_deleted) VALUES (1, 'carla@example.com', 'Carla', 'Núñez', ?, 0)`,
        [at],
      );
      await dataSource.query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
          VALUES ('jose@example.com', 'José', 'García', 1, 1, ?, ?, 0)`,
        [at, at],
      );
      // all but the first, whose tables may hold the rows of the Flask service
      for (const name of NAMES.slice(1).reverse()) {
        expect((await listApplied(dataSource)).at(-1)).toBe(name);
        await dataSource.undoLastMigration();
      }
      expect(await listApplied(dataSource)).toEqual(NAMES.slice(0, 1));
      expect(await listTables(dataSource)).toEqual(['customers', 'users']);
      expect(await dataSource.query('SELECT email, name FROM customers')).toEqual([
        { email: 'jose@example.com', name: 'José' },
      ]);

      const again = await dataSource.runMigrations();
      expect(again.map(({ name }) => name)).toEqual(NAMES.slice(1));
      expect(await findSchemaDrift(dataSource)).toEqual([]);
      expect(await dataSource.query('SELECT email, live_email, version FROM customers')).toEqual([
        { email: 'jose@example.com', live_email: 'jose@example.com', version: 1 },
      ]);
    });

    it('leave an empty database when all of them are rolled back', async () => {
      for (const _ of NAMES) await dataSource.undoLastMigration();
      expect(await listApplied(dataSource)).toEqual([]);
      expect(await listTables(dataSource)).toEqual([]);
      await dataSource.runMigrations();
      expect(await findSchemaDrift(dataSource)).toEqual([]);
    });

    it('complete a migration that was killed halfway, as servers do not roll back DDL', async () => {
      // every step of the migration is applied, but its record is missing
      for (const name of NAMES) {
        await dataSource.query('DELETE FROM migrations WHERE name = ?', [name]);
        const again = await dataSource.runMigrations();
        expect(again.map((migration) => migration.name)).toEqual([name]);
      }
      expect(await findSchemaDrift(dataSource)).toEqual([]);
    });

    it('are listed in order and have unique timestamps', () => {
      const times = NAMES.map((name) => Number(/\d{13}$/.exec(name)?.[0]));
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      const files = readdirSync(new URL('../../migrations/', import.meta.url)).filter((file) => /^\d/.test(file));
      expect(files).toHaveLength(NAMES.length);
    });
  });

  describe('a restarted instance', () => {
    it('keeps its data and its secret and creates no other admin', async () => {
      const installation = await createInstallation(kind);
      try {
        const first = await startInProcess(installation.env);
        const { accessToken, refreshToken } = await signIn(first.url);
        const customer = await send(first.url, 'POST', '/customers', accessToken, newCustomer());
        await first.close();

        const second = await startInProcess(installation.env);
        try {
          const found = await send(second.url, 'GET', `/customers/${customer.id}`, accessToken);
          expect(found).toEqual({ ...customer, status: 200 });
          const refreshed = await send(second.url, 'POST', '/login/refresh', undefined, { refreshToken });
          expect(refreshed.status).toBe(200);
          const { data } = await send(second.url, 'GET', '/users', refreshed.accessToken);
          expect(data).toHaveLength(1);
        } finally {
          await second.close();
        }
        if (kind === 'SQLite') {
          const file = join(installation.env.DATA_DIR, 'jwt-secret');
          expect(readFileSync(file, 'utf8')).toMatch(/^[\da-f]{64}$/);
          expect(statSync(file).mode & 0o077).toBe(0);
        }
      } finally {
        await installation.remove();
      }
    });
  });

  // one process at a time may use a DATA_DIR; test/processes/refused-starts.spec.ts starts two
  if (kind === 'SQLite') return;

  describe('five instances that start concurrently on an empty database', () => {
    let installation: Installation;
    let instances: Instance[] = [];
    beforeAll(async () => {
      installation = await createInstallation(kind);
      instances = await Promise.all(Array.from({ length: 5 }, () => startInProcess(readEnv(installation.variables))));
    });
    afterAll(async () => {
      await Promise.all(instances.map(({ close }) => close()));
      await installation.remove();
    });

    it('apply each migration once and create one first admin', async () => {
      const dataSource = await openDataSource(await connectionOptions(installation.env, entities));
      try {
        expect(await listApplied(dataSource)).toEqual(NAMES);
        expect(await findSchemaDrift(dataSource)).toEqual([]);
        expect(await dataSource.query('SELECT id, email, admin FROM users')).toEqual([
          { id: 1, email: ADMIN.email, admin: 1 },
        ]);
        expect(await dataSource.query('SELECT action, version FROM history')).toEqual([
          { action: 'created', version: 1 },
        ]);
      } finally {
        await dataSource.destroy();
      }
    });

    it('share a secret and accept tokens of each other', async () => {
      const tokens = await Promise.all(instances.map(async ({ url }) => (await signIn(url)).accessToken as string));
      for (const { url } of instances)
        for (const token of tokens) expect(await send(url, 'GET', '/me', token)).toMatchObject({ status: 200, id: 1 });
    });

    it('read writes of the other instances immediately', async () => {
      const { accessToken } = await signIn(instances[0]!.url);
      const written = await Promise.all(
        instances.map(({ url }) => send(url, 'POST', '/customers', accessToken, newCustomer())),
      );
      expect(written.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
      for (const { id } of written)
        for (const { url } of instances)
          expect(await send(url, 'GET', `/customers/${id}`, accessToken)).toMatchObject({ status: 200, version: 1 });
    });
  });
});
