import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { Network } from '../stand-ins/network.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { freePort, hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, unique } from '../support/service.js';

const WRITERS = 8;
/** Acknowledged writes per fault; `npm run test:faults` asks for more. */
const MIN_WRITES = Number(process.env.LEDGER_WRITES ?? 100);
/** Writes between two faults. */
const STEP = Math.max(40, MIN_WRITES / 20);
const TIMEOUT_MS = 60_000 + 30 * MIN_WRITES;

const declare = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
declare('under load', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-kills-'));
  let mariadb: Mariadb;
  let network: Network;
  let database: TestDatabase;
  let program: Program;
  let url: string;
  let token: string;
  let port: number;

  const start = (): Program =>
    startProgram(
      {
        PORT: String(port),
        DATABASE_URI: database.uri!.replace(/:\d+\//, `:${network.port}/`),
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
    network = await Network.start(Number(new URL(mariadb.uri).port));
    database = await createDatabase('MariaDB', undefined, mariadb.uri);
    program = start();
    url = await program.address();
    const response = await send('/login', ADMIN);
    token = ((await response!.json()) as { accessToken: string }).accessToken;
  });
  afterAll(async () => {
    stopPrograms();
    await database.drop();
    network.close();
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

  it.each<[fault: string, fail: () => Promise<void> | void]>([
    [
      'a kill of the database',
      async () => {
        mariadb.process().kill('SIGKILL');
        await sleep(300);
        await mariadb.restart();
      },
    ],
    [
      'a kill of the service',
      async () => {
        await program.stop('SIGKILL');
        program = start();
        await program.address();
      },
    ],
    ['the loss of all connections to the database', () => network.cut()],
    ['the loss of answers of the database', () => network.loseAnswers()],
  ])(
    '%s loses no acknowledged write and repeats none',
    async (_, fail) => {
      const before = await countCustomers();
      const acknowledged = new Map<string, number>();
      let isOver = false;
      const writers = Array.from({ length: WRITERS }, () => write(acknowledged, () => isOver));
      const writeOn = async (): Promise<void> => {
        const { size } = acknowledged;
        await until(() => acknowledged.size >= size + STEP);
      };
      while (acknowledged.size < MIN_WRITES) {
        await writeOn();
        await fail();
      }
      await writeOn();
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
    },
    TIMEOUT_MS,
  );

  async function countCustomers(): Promise<number> {
    const connection = await mysql.createConnection(database.uri!);
    const [rows] = await connection.query('SELECT COUNT(*) AS total FROM customers');
    await connection.end();
    return (rows as Array<{ total: number }>)[0]!.total;
  }
});
