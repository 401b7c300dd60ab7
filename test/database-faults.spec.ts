import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { Answer, Client } from './support/client.js';
import { kinds, onEveryDatabase } from './support/databases.js';
import { expectProblem } from './support/refusals.js';
import { expectSecurityHeaders } from './support/security-headers.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

onEveryDatabase((kind) => {
  describe('when the database refuses', () => {
    it('answers 500 and 503 without a word about its inside, and logs no data', async () => {
      const broken = await startService(kind, { env: { LOG_LEVEL: 'debug' } });
      const secrets = {
        password: `Geheimnis-${unique()}`,
        name: `Wilhelmine-${unique()}`,
        notes: `Diagnose-${unique()}`,
      };
      const user = await broken.user({ password: secrets.password });
      const { body } = await user.post('/customers', newCustomer({ name: secrets.name }));
      const email = `kundin-${unique()}@example.com`;
      const idempotencyKey = `Schluessel-${unique()}`;
      const log = captureOutput();
      try {
        // a constraint that the service does not know of: its driver quotes the value
        await broken.dataSource.query('CREATE UNIQUE INDEX ux_customers_name ON customers (name)');
        const quoted = await rawJson(user, 'POST', '/customers', newCustomer({ email, name: secrets.name }));
        expectProblem(quoted, 500, 'internal_error');
        expect(log.text()).toContain(quoted.body.requestId);
        await broken.dataSource.query('DROP TABLE history');
        const answers = await Promise.all([
          rawJson(user, 'POST', '/customers', newCustomer({ email, name: `${secrets.name} 2`, notes: secrets.notes })),
          rawJson(user, 'POST', '/customers', newCustomer({ email, notes: secrets.notes }), {
            'idempotency-key': idempotencyKey,
          }),
          rawJson(user, 'PATCH', `/customers/${body.id}`, { notes: secrets.notes }),
          rawJson(user, 'GET', `/customers/${body.id}/history`),
          rawJson(user, 'PUT', '/me/password', {
            currentPassword: secrets.password,
            newPassword: `${secrets.password}2`,
          }),
        ]);
        for (const answer of answers) {
          expectProblem(answer, 500, 'internal_error');
          expectSecurityHeaders(answer);
          // so that whoever is told the id finds it
          expect(log.text()).toContain(answer.body.requestId);
        }
        // neither the row nor the record of the key stays without its history
        expect((await user.get(`/customers?email=${email}`)).body.data).toEqual([]);
        expect((await user.get(`/customers/${body.id}`)).body).toMatchObject({ version: 1, notes: null });
        expect(await broken.dataSource.query('SELECT * FROM idempotency_records')).toEqual([]);
        expect((await broken.anonymous.post('/login', { email: user.email, password: secrets.password })).status).toBe(
          200,
        );

        await broken.dataSource.query('DROP TABLE sessions');
        for (const answer of [
          await rawJson(user, 'GET', '/me'),
          await rawJson(user.as(), 'POST', '/login', { email: user.email, password: secrets.password }),
          await rawJson(user.as(), 'POST', '/login/refresh', { refreshToken: user.refreshToken }),
        ])
          expectProblem(answer, 500, 'internal_error');
      } finally {
        log.stop();
        await broken.close();
      }
      const values = [
        ...Object.values(secrets),
        email,
        idempotencyKey,
        user.email,
        user.accessToken!,
        user.refreshToken!,
      ];
      expect(values.filter((value) => log.text().includes(value))).toEqual([]);
      expect(log.text()).not.toMatch(/argon2id|INSERT INTO|SELECT |correct horse|Bearer/);
    });
  });
});

describe('when the embedded database is busy', () => {
  let service: TestService;
  let other: Libsql.Database;
  beforeAll(async () => {
    service = await startService('SQLite', { env: { LOG_LEVEL: 'debug' } });
    await service.dataSource.query('PRAGMA busy_timeout = 20');
    other = new Libsql(join(service.dataDir, 'crm.sqlite'));
  });
  afterAll(async () => {
    other.close();
    await service.close();
  });

  it('tries a write again until the other process has written', async () => {
    other.exec('BEGIN IMMEDIATE');
    const created = service.admin.post('/customers', newCustomer());
    // the first attempt has been refused by then: a read waits for its turn behind it
    await service.admin.get('/customers');
    other.exec('COMMIT');
    const { status, body } = await created;
    expect(status).toBe(201);
    expect((await service.admin.get(`/customers/${body.id}/history`)).body.data).toHaveLength(1);
  });

  it('answers 503 with Retry-After if that takes too long, goes on reading, and logs no data', async () => {
    const customer = newCustomer({ notes: `Diagnose-${unique()}` });
    other.exec('BEGIN IMMEDIATE');
    const log = captureOutput();
    const answer = await service.admin.post('/customers', customer);
    const reading = await service.admin.get('/customers');
    log.stop();
    other.exec('COMMIT');
    expectProblem(answer, 503, 'database_unavailable');
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(reading.status).toBe(200);
    expect(log.text()).toContain(answer.body.requestId);
    expect(log.text()).not.toContain(customer.email);
    expect(log.text()).not.toContain(customer.notes);
    expect((await service.admin.post('/customers', customer)).status).toBe(201);
  });
});

const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;
declareOnServer('when MariaDB', () => {
  const kind = 'MariaDB';
  let service: TestService;
  let gate: Gate;
  beforeAll(async () => {
    const sibling = await startService(kind);
    const address = new URL(sibling.database.uri!);
    gate = await openGate(Number(address.port));
    address.port = String(gate.port);
    const beside = { ...sibling, database: { ...sibling.database, uri: address.toString() } };
    const through = await startService(kind, { beside, env: { LOG_LEVEL: 'debug' } });
    service = {
      ...through,
      // looked at past the gate
      dataSource: sibling.dataSource,
      close: async () => {
        await through.close();
        gate.close();
        await sibling.close();
      },
    };
  });
  afterAll(() => service.close());

  it('chooses a write as the victim of a deadlock, the write is tried again as a whole', async () => {
    const admin = await service.user({ role: 'admin' });
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    // the demotion holds its user and waits for this; then this wants that user, and has written more
    await runner.query(`UPDATE mutexes SET turn = turn + 1 WHERE name = 'admins'`);
    await runner.query('UPDATE customers SET name = name');
    const demoted = service.admin.put(`/users/${admin.id}/role`, { role: 'user' });
    await waitForMutex(service);
    await runner.query('UPDATE users SET surname = ? WHERE id = ?', ['Meanwhile', admin.id]);
    await runner.commitTransaction();
    await runner.release();
    expect(await demoted).toMatchObject({ status: 200, body: { role: 'user', surname: 'Meanwhile', version: 2 } });
    expect((await service.admin.get(`/users/${admin.id}/history`)).body.data).toHaveLength(2);
  });

  it('does not answer, answers 503 at once and logs no data; and goes on when it is back', async () => {
    const user = await service.user({ password: `Geheimnis-${unique()}` });
    const customer = newCustomer({ notes: `Diagnose-${unique()}` });
    gate.shut();
    const log = captureOutput();
    const start = performance.now();
    const answers = await Promise.all([
      user.post('/customers', customer),
      user.get('/customers'),
      user.get('/me'),
      user.post('/login', { email: user.email, password: user.password }),
      user.get('/readyz'),
    ]);
    const took = performance.now() - start;
    log.stop();
    for (const answer of answers) {
      expectProblem(answer, 503, 'database_unavailable');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expectSecurityHeaders(answer);
      expect(log.text()).toContain(answer.body.requestId);
    }
    expect(took).toBeLessThan(3_000);
    expect((await user.get('/livez')).status).toBe(200);
    for (const value of [user.email, user.password, customer.email, customer.notes as string, user.accessToken!])
      expect(log.text()).not.toContain(value);

    await gate.reopen();
    expect((await user.get('/readyz')).status).toBe(200);
    expect((await user.post('/customers', customer)).status).toBe(201);
  });
});

/** As the client does it, but a 500 is an answer here and not a failure. */
async function rawJson(
  { url, accessToken }: Client,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(accessToken && { authorization: `Bearer ${accessToken}` }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** What the process prints. */
function captureOutput(): { text: () => string; stop: () => void } {
  const streams = [process.stdout, process.stderr];
  const originals = streams.map((stream) => stream.write.bind(stream));
  let text = '';
  for (const stream of streams)
    stream.write = (chunk: string | Uint8Array) => {
      text += String(chunk);
      return true;
    };
  return { text: () => text, stop: () => streams.forEach((stream, index) => (stream.write = originals[index]!)) };
}

/** A way to the database that can be closed. */
interface Gate {
  port: number;
  shut: () => void;
  reopen: () => Promise<void>;
  close: () => void;
}

async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  let server: Server;
  const listen = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server = createServer((inner) => {
        const outer = connect(target, '127.0.0.1');
        for (const socket of [inner, outer]) {
          sockets.add(socket);
          socket.on('error', () => socket.destroy()).on('close', () => (inner.destroy(), outer.destroy()));
        }
        inner.pipe(outer).pipe(inner);
      });
      server
        .once('error', reject)
        .listen(port, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
  const shut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const port = await listen(0);
  return { port, shut, close: shut, reopen: async () => void (await listen(port)) };
}

/** Until somebody waits for the row that our transaction has changed. InnoDB's own tables of locks lag behind. */
async function waitForMutex({ dataSource }: TestService): Promise<void> {
  const sql = `SELECT 1 FROM information_schema.processlist
    WHERE db = DATABASE() AND state = 'Updating' AND info LIKE 'UPDATE mutexes%'`;
  while ((await dataSource.query<unknown[]>(sql)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
