import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import { FacebookStandIn } from '../stand-ins/facebook.js';
import { GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import { Client } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { API } from '../support/openapi.js';
import { type LogLine, type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, unique } from '../support/service.js';
import { portOf, raw } from '../support/sockets.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

const directory = mkdtempSync(join(tmpdir(), 'crm-logs-'));
afterAll(() => {
  stopPrograms();
  rmSync(directory, { recursive: true, force: true });
});

onEveryDatabase((kind) => {
  describe('the log in production', () => {
    let google: GoogleStandIn;
    let facebook: FacebookStandIn;
    let database: TestDatabase;
    let program: Program;
    let anonymous: Client;
    let admin: Client;
    const dataDir = join(directory, kind);

    beforeAll(async () => {
      [google, facebook, database] = await Promise.all([
        GoogleStandIn.start(),
        FacebookStandIn.start(),
        createDatabase(kind),
      ]);
      const settings = {
        NODE_ENV: 'production',
        WEB_CONCURRENCY: '1',
        PORT: '0',
        DATA_DIR: dataDir,
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        GOOGLE_PROJECT: 'crm-of-the-tests',
        TRUSTED_PROXIES: 'loopback',
        LOGIN_RETURN_URLS: 'https://app.example.com/signed-in',
        ...(database.uri && { DATABASE_URI: database.uri }),
      };
      program = startProgram({ ...settings, ...google.env, ...facebook.env }, directory);
      anonymous = new Client(await program.address(), API);
      google.register(`${anonymous.url}/login/google/callback`);
      facebook.redirectUris = [`${anonymous.url}/login/facebook/callback`];
      admin = await anonymous.signIn(ADMIN.email, ADMIN.password);
    });
    afterAll(async () => {
      await program.stop();
      await Promise.all([google.close(), facebook.close(), database.drop()]);
    });

    const lineOf = (id: string | null): Promise<LogLine> =>
      until(() => program.lines().find(({ requestId }) => requestId === id));

    it('has one JSON line per request, in the format of Cloud Logging', async () => {
      const headers = {
        'user-agent': 'a client/1.0',
        'x-forwarded-for': '203.0.113.7',
        traceparent: `00-${TRACE}-${SPAN}-01`,
      };
      const answer = await admin.get('/customers?email=wilhelmine@example.com&limit=3', { headers });
      const line = await lineOf(answer.headers.get('x-request-id'));
      expect(line).toEqual({
        severity: 'INFO',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        message: 'GET /customers 200',
        httpRequest: {
          requestMethod: 'GET',
          requestUrl: '/customers',
          status: 200,
          latency: expect.stringMatching(/^\d+\.\d{6}s$/),
          remoteIp: '203.0.113.7',
          userAgent: 'a client/1.0',
          responseSize: answer.headers.get('content-length'),
          protocol: 'HTTP/1.1',
        },
        requestId: answer.headers.get('x-request-id'),
        userId: 1,
        'logging.googleapis.com/trace': `projects/crm-of-the-tests/traces/${TRACE}`,
        'logging.googleapis.com/spanId': SPAN,
        'logging.googleapis.com/trace_sampled': true,
      });
      expect(program.lines().filter(({ requestId }) => requestId === line.requestId)).toHaveLength(1);
    });

    it('names the problem code, also of requests that cannot be routed or parsed', async () => {
      const refused = await anonymous.get('/customers/7');
      expect(await lineOf(refused.headers.get('x-request-id'))).toMatchObject({
        message: 'GET /customers/7 401',
        code: 'unauthenticated',
      });
      const unroutable = await fetch(`${anonymous.url}/%zz?code=a-code`);
      expect(await lineOf(unroutable.headers.get('x-request-id'))).toMatchObject({
        message: 'GET /%zz 400',
        code: 'malformed_request',
      });
      const unreadable = await raw(portOf(anonymous), 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n');
      const id = /x-request-id: (\S+)/i.exec(unreadable)![1]!;
      expect(await lineOf(id)).toMatchObject({ code: 'malformed_request', httpRequest: { remoteIp: '127.0.0.1' } });
    });

    it('marks requests whose client disconnected before the response', async () => {
      const socket = connect(portOf(anonymous), '127.0.0.1');
      const body = JSON.stringify({ email: ADMIN.email, password: 'wrong' });
      socket.write(`POST /login HTTP/1.1\r\nHost: a\r\nX-Request-Id: has-gone\r\nContent-Type: application/json\r\n`);
      socket.write(`X-Forwarded-For: 203.0.113.8\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      setTimeout(() => socket.destroy(), 100);
      expect(await lineOf('has-gone')).toMatchObject({ isAborted: true, httpRequest: { status: 499 } });
    });

    it('contains no personal data of customers, and nothing that identifies an erased one', async () => {
      const mark = `zq${unique().replace('-', 'x')}`;
      const values = newCustomer({ email: `${mark}@example.com`, name: mark, surname: mark, notes: mark });
      const { id } = (await admin.post('/customers', values)).body;
      const other = (await admin.post('/customers', newCustomer())).body;
      await admin.post('/customers', values);
      await admin.get(`/customers?email=${mark}@example.com`);
      await admin.get(`/customers/${mark}@example.com`);
      await admin.get(`/customers/${id}/duplicates`);
      await admin.post(`/customers/${other.id}/merge`, { from: id });
      await admin.post(`/customers/${id}/restore`);
      expect((await admin.get(`/customers/${id}/personal-data`)).body.customer.name).toBe(mark);
      await admin.post(`/customers/${id}/erase`);
      const last = await admin.get(`/customers/${id}`);
      expect(await lineOf(last.headers.get('x-request-id'))).toMatchObject({ code: 'customer_erased' });
      expect(program.output()).not.toContain(mark);
    });

    it('omits successful health checks', async () => {
      for (const path of ['/livez', '/readyz', '/livez']) expect((await anonymous.get(path)).status).toBe(200);
      const after = await anonymous.get('/');
      await lineOf(after.headers.get('x-request-id'));
      expect(program.lines().filter(({ message }) => /livez|readyz/.test(message))).toEqual([]);
    });

    it('stays on one line for hostile input', async () => {
      const before = program.lines().length;
      const forged = '{"severity":"INFO","message":"forged"}';
      const hostile = [
        anonymous.get(`/%0d%0a${encodeURIComponent(forged)}`),
        anonymous.get('/', { headers: { 'x-request-id': `x ${forged}` } }),
        anonymous.get('/', { headers: { 'user-agent': `\x85\xa0"${forged}\\` } }),
        anonymous.get('/', { headers: { 'x-forwarded-for': `${forged}` } }),
        anonymous.get('/', { headers: { traceparent: `00-${TRACE}-${SPAN}-01\\u000a` } }),
        anonymous.get('/', { headers: { 'x-cloud-trace-context': `${TRACE}/1;o=1"${forged}` } }),
      ];
      const ids = (await Promise.all(hostile)).map(({ headers }) => headers.get('x-request-id'));
      const lines = await Promise.all(ids.map(lineOf));
      expect(program.lines()).toHaveLength(before + hostile.length);
      expect(program.lines().map(({ message }) => message)).not.toContain('forged');
      expect(lines.every((line) => !('logging.googleapis.com/trace' in line))).toBe(true);
      expect(lines[3]!.httpRequest.remoteIp).toBe('127.0.0.1');
    });

    it('contains no password, token, cookie, code or customer data', async () => {
      const secrets = {
        name: `Wilhelmine-${unique()}`,
        notes: `Diagnose-${unique()}`,
        phone: '+491234567890',
        password: `Geheimnis-${unique()}`,
        idempotencyKey: `Schluessel-${unique()}`,
      };
      const email = `kundin-${unique()}@example.com`;
      const { body: user } = await admin.post('/users', {
        email,
        name: 'Ben',
        surname: 'M',
        password: secrets.password,
      });
      const signedIn = await anonymous.signIn(email, secrets.password);
      const wrong = await anonymous.post('/login', { email, password: `${secrets.password}!` });
      expect(wrong.status).toBe(401);
      const refreshed = await anonymous.post('/login/refresh', { refreshToken: signedIn.refreshToken });
      const customer = newCustomer({ email: `c-${email}`, ...secrets, password: undefined, idempotencyKey: undefined });
      const headers = { 'idempotency-key': secrets.idempotencyKey };
      const created = await signedIn.post('/customers', customer, { headers });
      expect(created.status).toBe(201);
      await signedIn.get(`/customers?email=${encodeURIComponent(customer.email)}&surname=${secrets.name}`);
      await signedIn.get(`/customers/${encodeURIComponent(customer.email)}`);
      await signedIn.get(`/clients/${customer.email}/${signedIn.refreshToken}`);
      await anonymous.post('/customers', `{"name":"${secrets.name}`);

      google.account = { sub: unique(), email, email_verified: true };
      const browser = new Browser(anonymous);
      const callback = await browser.walkToCallback('/login/google?returnTo=https://app.example.com/signed-in');
      const { headers: sent } = await browser.get(new URL(callback, anonymous.url));
      const back = new URL(sent.get('location')!);
      const exchanged = await anonymous.post('/login/exchange', { code: back.searchParams.get('code') });
      expect(exchanged.status).toBe(200);
      const state = new URL(callback, anonymous.url).searchParams;
      await anonymous.get(`/login/google/callback?error=access_denied&code=zq-code&state=${state.get('state')}`);
      facebook.account = { id: unique(), email };
      facebook.faults = { '/oauth/access_token': 'returns 500' };
      const failed = await new Browser(anonymous).walk('/login/facebook');
      expect(failed.status).toBe(503);
      await lineOf(failed.headers.get('x-request-id'));

      // the driver quotes the value when a constraint fails that the service does not know
      await runSql(kind, database, dataDir, 'CREATE UNIQUE INDEX ux_customers_name ON customers (name)');
      const broken = await rawPost(signedIn, { ...newCustomer(), name: secrets.name });
      await runSql(kind, database, dataDir, `DROP INDEX ux_customers_name${kind === 'MariaDB' ? ' ON customers' : ''}`);
      expect(broken.status).toBe(500);
      const line = await lineOf(broken.headers.get('x-request-id'));
      expect(line).toMatchObject({ severity: 'ERROR', code: 'internal_error', userId: user.id });
      // the field that Cloud Error Reporting reads
      expect(line.stack_trace).toMatch(/^QueryFailedError\n +at /);

      const values = [
        ...Object.values(secrets),
        email,
        customer.email,
        encodeURIComponent(customer.email),
        ...[signedIn.accessToken, signedIn.refreshToken, refreshed.body.accessToken, refreshed.body.refreshToken],
        ...[exchanged.body.accessToken, exchanged.body.refreshToken, back.searchParams.get('code')],
        ...[state.get('code'), state.get('state'), 'zq-code', ADMIN.email, ADMIN.password, JWT_SECRET],
        ...[GoogleStandIn.clientSecret, FacebookStandIn.clientSecret, 'a secret of the provider'],
      ];
      expect(values.every((value) => value && value.length > 3)).toBe(true);
      expect(values.filter((value) => program.output().includes(value as string))).toEqual([]);
      expect(program.output()).not.toMatch(/argon2id|INSERT INTO|SELECT |Bearer|eyJ/);
    });

    it('contains only JSON lines until the process exits', async () => {
      expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      for (const line of program.lines())
        expect(line).toMatchObject({
          severity: expect.stringMatching(/^(INFO|WARNING|ERROR)$/),
          message: expect.stringMatching(/./),
          time: expect.any(String),
        });
    });
  });
});

async function runSql(kind: string, { uri }: TestDatabase, dataDir: string, sql: string): Promise<void> {
  if (kind === 'SQLite') {
    const database = new Libsql(join(dataDir, 'crm.sqlite'));
    database.exec(sql);
    database.close();
  } else {
    const connection = await mysql.createConnection(uri!);
    await connection.query(sql);
    await connection.end();
  }
}

/** The test client would throw on a 500. */
const rawPost = ({ url, accessToken }: Client, body: unknown): Promise<Response> =>
  fetch(`${url}/customers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
    body: JSON.stringify(body),
  });
