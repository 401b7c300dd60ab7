import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { freePort, hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, unique } from '../support/service.js';

const WRITERS = 8;

const declare = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
declare('SIGKILL under load', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-kills-'));
  let mariadb: Mariadb;
  let database: TestDatabase;
  let program: Program;
  let url: string;
  let token: string;
  let port: number;

  const start = (): Program =>
    startProgram(
      {
        PORT: String(port),
        DATABASE_URI: database.uri!,
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        LOG_LEVEL: 'error',
        DATA_DIR: directory,
      },
      directory,
    );

  beforeAll(async () => {
    [mariadb, port] = [await startMariadb(), await freePort()];
    database = await createDatabase('MariaDB', undefined, mariadb.uri);
    program = start();
    url = await program.address();
    const response = await send('/login', ADMIN);
    token = ((await response!.json()) as { accessToken: string }).accessToken;
  });
  afterAll(async () => {
    stopPrograms();
    await database.drop();
    await mariadb.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Returns undefined if the connection failed. */
  const send = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response | undefined> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify(body),
    }).catch(() => undefined);

  /** Retries each customer until it is acknowledged, as a reliable client does, and records its id by e-mail. */
  async function write(acknowledged: Map<string, number>, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const customer = newCustomer();
      const key = { 'idempotency-key': unique() };
      for (;;) {
        const response = await send('/customers', customer, key);
        if (response?.status === 201) {
          acknowledged.set(customer.email, ((await response.json()) as { id: number }).id);
          break;
        }
        // 409: the first attempt is still in progress
        if (response) expect([409, 503]).toContain(response.status);
        if (response?.status === 409) expect(await response.json()).toMatchObject({ code: 'idempotency_in_progress' });
        await sleep(50);
      }
    }
  }

  it.each([
    [
      'of the database',
      async () => {
        mariadb.process().kill('SIGKILL');
        await sleep(300);
        await mariadb.restart();
      },
    ],
    [
      'of the service',
      async () => {
        await program.stop('SIGKILL');
        program = start();
        await program.address();
      },
    ],
  ])('%s loses no acknowledged write and repeats none', async (_, kill) => {
    const before = await countCustomers();
    const acknowledged = new Map<string, number>();
    let isOver = false;
    const writers = Array.from({ length: WRITERS }, () => write(acknowledged, () => isOver));
    await until(() => acknowledged.size > 5 * WRITERS);
    await kill();
    const atKill = acknowledged.size;
    await until(() => acknowledged.size > atKill + 5 * WRITERS);
    isOver = true;
    await Promise.all(writers);

    const connection = await mysql.createConnection(database.uri!);
    const [rows] = await connection.query(
      `SELECT email, customers.id, COUNT(history.version) AS entries FROM customers
       LEFT JOIN history ON resource = 'customer' AND resource_id = customers.id
       WHERE email IN (?) GROUP BY email, customers.id`,
      [[...acknowledged.keys()]],
    );
    await connection.end();
    const written = rows as Array<{ email: string; id: number; entries: number }>;
    expect(new Map(written.map(({ email, id }) => [email, id]))).toEqual(acknowledged);
    expect(written.every(({ entries }) => entries === 1)).toBe(true);
    // no other rows: the writers retried every customer until it was acknowledged
    expect(await countCustomers()).toBe(before + acknowledged.size);
  });

  async function countCustomers(): Promise<number> {
    const connection = await mysql.createConnection(database.uri!);
    const [rows] = await connection.query('SELECT COUNT(*) AS total FROM customers');
    await connection.end();
    return (rows as Array<{ total: number }>)[0]!.total;
  }
});
