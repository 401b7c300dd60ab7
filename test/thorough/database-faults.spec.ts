import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { Answer, Client } from '../support/client.js';
import { kinds, onEveryDatabase } from '../support/databases.js';
import { captureOutput } from '../support/output.js';
import { expectProblem } from '../support/refusals.js';
import { expectSecurityHeaders } from '../support/security-headers.js';
import { newCustomer, startService, type TestService, unique } from '../support/service.js';

onEveryDatabase((kind) => {
  describe('when statements fail', () => {
    it('responds 500 without internal details and logs no personal data or secrets', async () => {
      const service = await startService(kind, { env: { LOG_LEVEL: 'debug' } });
      const secrets = {
        password: `Geheimnis-${unique()}`,
        name: `Wilhelmine-${unique()}`,
        notes: `Diagnose-${unique()}`,
      };
      const user = await service.user({ password: secrets.password });
      const { body } = await user.post('/customers', newCustomer({ name: secrets.name }));
      const email = `kundin-${unique()}@example.com`;
      const idempotencyKey = `Schluessel-${unique()}`;
      const log = captureOutput();
      try {
        // a constraint that the service does not know: the driver's message quotes the value
        await service.dataSource.query('CREATE UNIQUE INDEX ux_customers_name ON customers (name)');
        const violation = await rawJson(user, 'POST', '/customers', newCustomer({ email, name: secrets.name }));
        expectProblem(violation, 500, 'internal_error');
        expect(log.text()).toContain(violation.body.requestId);
        await service.dataSource.query('DROP TABLE history');
        const responses = await Promise.all([
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
        for (const response of responses) {
          expectProblem(response, 500, 'internal_error');
          expectSecurityHeaders(response);
          // lets an operator find the log entry by the request id of the response
          expect(log.text()).toContain(response.body.requestId);
        }
        // the row and the idempotency record are rolled back with the history
        expect((await user.get(`/customers?email=${email}`)).body.data).toEqual([]);
        expect((await user.get(`/customers/${body.id}`)).body).toMatchObject({ version: 1, notes: null });
        expect(await service.dataSource.query('SELECT * FROM idempotency_records')).toEqual([]);
        expect((await service.anonymous.post('/login', { email: user.email, password: secrets.password })).status).toBe(
          200,
        );

        await service.dataSource.query('DROP TABLE sessions');
        for (const response of [
          await rawJson(user, 'GET', '/me'),
          await rawJson(user.as(), 'POST', '/login', { email: user.email, password: secrets.password }),
          await rawJson(user.as(), 'POST', '/login/refresh', { refreshToken: user.refreshToken }),
        ])
          expectProblem(response, 500, 'internal_error');
      } finally {
        log.stop();
        await service.close();
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

  it('retries a write until the other process has committed', async () => {
    other.exec('BEGIN IMMEDIATE');
    const created = service.admin.post('/customers', newCustomer());
    // the read is queued behind the first attempt, which has failed once the read completes
    await service.admin.get('/customers');
    other.exec('COMMIT');
    const { status, body } = await created;
    expect(status).toBe(201);
    expect((await service.admin.get(`/customers/${body.id}/history`)).body.data).toHaveLength(1);
  });

  it('responds 503 with Retry-After when the retries are used up, still serves reads and logs no personal data', async () => {
    const customer = newCustomer({ notes: `Diagnose-${unique()}` });
    other.exec('BEGIN IMMEDIATE');
    const log = captureOutput();
    const response = await service.admin.post('/customers', customer);
    const read = await service.admin.get('/customers');
    log.stop();
    other.exec('COMMIT');
    expectProblem(response, 503, 'database_unavailable');
    expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(read.status).toBe(200);
    expect(log.text()).toContain(response.body.requestId);
    expect(log.text()).not.toContain(customer.email);
    expect(log.text()).not.toContain(customer.notes);
    expect((await service.admin.post('/customers', customer)).status).toBe(201);
  });
});

const describeOnServer = kinds.includes('MariaDB') ? describe : () => undefined;
describeOnServer('the service on MariaDB', () => {
  const kind = 'MariaDB';
  let service: TestService;
  let proxy: DatabaseProxy;
  beforeAll(async () => {
    const sibling = await startService(kind);
    const address = new URL(sibling.database.uri!);
    proxy = await startProxy(Number(address.port));
    address.port = String(proxy.port);
    const beside = { ...sibling, database: { ...sibling.database, uri: address.toString() } };
    const proxied = await startService(kind, { beside, env: { LOG_LEVEL: 'debug' } });
    service = {
      ...proxied,
      // reads rows without the proxy
      dataSource: sibling.dataSource,
      close: async () => {
        await proxied.close();
        proxy.close();
        await sibling.close();
      },
    };
  });
  afterAll(() => service.close());

  it('retries a write as a whole if it is chosen as deadlock victim', async () => {
    const admin = await service.user({ role: 'admin' });
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    // The demotion locks its user and waits for our mutex; then we wait for that user. InnoDB rolls back the transaction
    // that has written less: the demotion.
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

  it('responds 503 and logs no personal data while the server is unreachable, and recovers', async () => {
    const user = await service.user({ password: `Geheimnis-${unique()}` });
    const customer = newCustomer({ notes: `Diagnose-${unique()}` });
    proxy.stop();
    const log = captureOutput();
    const responses = await Promise.all([
      user.post('/customers', customer),
      user.get('/customers'),
      user.get('/me'),
      user.post('/login', { email: user.email, password: user.password }),
      user.get('/readyz'),
    ]);
    log.stop();
    for (const response of responses) {
      expectProblem(response, 503, 'database_unavailable');
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expectSecurityHeaders(response);
      expect(log.text()).toContain(response.body.requestId);
    }
    expect((await user.get('/livez')).status).toBe(200);
    for (const value of [user.email, user.password, customer.email, customer.notes as string, user.accessToken!])
      expect(log.text()).not.toContain(value);

    await proxy.restart();
    expect((await user.get('/readyz')).status).toBe(200);
    expect((await user.post('/customers', customer)).status).toBe(201);
  });
});

/** Sends a request like `Client`, but does not fail the test on a 500. */
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

/** A TCP proxy in front of the database, to simulate an unreachable server. */
interface DatabaseProxy {
  port: number;
  stop: () => void;
  restart: () => Promise<void>;
  close: () => void;
}

async function startProxy(target: number): Promise<DatabaseProxy> {
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
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const port = await listen(0);
  return { port, stop, close: stop, restart: async () => void (await listen(port)) };
}

/** Waits until another transaction waits for the row that ours has changed; InnoDB's lock tables are updated too late. */
async function waitForMutex({ dataSource }: TestService): Promise<void> {
  const sql = `SELECT 1 FROM information_schema.processlist
    WHERE db = DATABASE() AND state = 'Updating' AND info LIKE 'UPDATE mutexes%'`;
  while ((await dataSource.query<unknown[]>(sql)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
