import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { readEnv } from '../../src/config/env.js';
import { connectionOptions, openDataSource } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET } from '../support/service.js';

jest.setTimeout(300_000);

const HEADER = 'email,name,surname\n';
const lines = (count: number, name = 'Ana'): string =>
  Array.from({ length: count }, (_, n) => `kill-${n}@example.com,${name},Cruz ${n}\n`).join('');

onEveryDatabase((kind) => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-transfer-kills-'));
  let database: TestDatabase;
  let dataSource: DataSource;
  let program: Program;
  let url: string;
  let token: string;

  const variables = (): Record<string, string> => ({
    PORT: '0',
    DATA_DIR: directory,
    ...(database.uri && { DATABASE_URI: database.uri }),
    JWT_SECRET,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    DRAIN_SECONDS: '0',
  });

  async function start(): Promise<void> {
    program = startProgram(variables(), directory);
    url = await program.address();
  }

  beforeAll(async () => {
    database = await createDatabase(kind);
    await start();
    const response = await until(async () => {
      const signIn = await fetch(`${url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(ADMIN),
      });
      return signIn.ok && signIn;
    });
    token = ((await response.json()) as { accessToken: string }).accessToken;
    dataSource = await openDataSource(await connectionOptions(readEnv(variables()), entities));
  });
  afterAll(async () => {
    stopPrograms();
    await dataSource?.destroy();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const count = async (from: string): Promise<number> => {
    const [row] = await dataSource.query<[{ n: number | string }]>(`SELECT COUNT(*) AS n FROM ${from}`);
    return Number(row.n);
  };

  /** The last event, or undefined if the connection broke. */
  async function importFile(file: string, query = ''): Promise<any> {
    try {
      const response = await fetch(`${url}/customers/import${query}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
        body: file,
      });
      return JSON.parse((await response.text()).trim().split('\n').at(-1)!);
    } catch {
      return undefined;
    }
  }

  it.each(['skip', 'update', 'fail'])(
    'an import that is killed and sent again with onConflict=%s doubles nothing',
    async (onConflict) => {
      const rows = 4_000;
      const name = `Ana ${onConflict}`;
      const existing = await count(`customers WHERE email LIKE 'kill-%'`);
      const seen = `customers WHERE name = '${name}'`;
      const file = HEADER + lines(rows, name);
      const killed = importFile(file, '?onConflict=update');
      await until(async () => (await count(seen)) > 300);
      await program.stop('SIGKILL');
      expect((await killed)?.event).not.toBe('done');
      const written = await count(seen);
      await start();
      const done = await importFile(file, `?onConflict=${onConflict}`);
      expect(done).toMatchObject({ event: 'done', rows });
      expect(await count(`customers WHERE email LIKE 'kill-%'`)).toBe(rows);
      // all or nothing of each row: with its history, and its words
      expect(await count(`customers WHERE email LIKE 'kill-%' AND (is_stale = 1 OR is_deleted = 1)`)).toBe(0);
      expect(
        await count(`customers WHERE email LIKE 'kill-%' AND version <>
        (SELECT COUNT(*) FROM history WHERE resource = 'customer' AND resource_id = customers.id)`),
      ).toBe(0);
      expect(await count(`customer_words WHERE is_deleted = 0 AND word = 'kill'`)).toBe(rows);
      if (onConflict === 'update') {
        expect(done.skipped).toBe(written);
        expect(await count(seen)).toBe(rows);
      } else if (existing === 0) {
        expect(done).toMatchObject({
          created: rows - written,
          [onConflict === 'skip' ? 'skipped' : 'failed']: written,
        });
      }
    },
  );

  it('rows of another writer are indexed after a kill in the middle, each once', async () => {
    const rows = 12_000;
    const values = (start: number): string =>
      Array.from(
        { length: 1_000 },
        (_, n) =>
          `('flask-${start + n}@example.com', 'Fläsk', 'Row ${start + n}', 1, 1, '2024-01-01', '2024-01-01', 0)`,
      ).join(', ');
    await program.stop('SIGTERM');
    for (let n = 0; n < rows; n += 1_000)
      await dataSource.query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES ${values(n)}`,
      );
    const stale = (): Promise<number> => count(`customers WHERE is_stale = 1`);
    expect(await stale()).toBe(rows);
    program = startProgram(variables(), directory);
    await until(async () => (await stale()) < rows);
    await program.stop('SIGKILL');
    await start();
    await until(async () => (await stale()) === 0);
    expect(await count(`customer_words WHERE is_deleted = 0 AND word = 'flask'`)).toBe(rows);
    expect(await count(`customers WHERE name_key = 'flask' AND search_text LIKE '% flask %'`)).toBe(rows);
  });

  it('an export during which the service shuts down is complete, or visibly cut', async () => {
    const total = await count('customers WHERE is_deleted = 0');
    const response = await fetch(`${url}/customers/export?format=ndjson`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? '';
    program.child.kill('SIGTERM');
    let isCut = false;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
    } catch {
      isCut = true;
    }
    expect(await program.exit).toEqual({ code: 0, signal: null });
    if (!isCut) expect(text.trim().split('\n')).toHaveLength(total);
    await start();
  });
});
