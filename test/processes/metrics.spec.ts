import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import { Client } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, newUser, unique } from '../support/service.js';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details */
const LABELS = /(?:\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})?/;
const SAMPLE = new RegExp(`^([a-z_][a-z\\d_]*${LABELS.source}) (-?[\\d.]+(?:e[+-]?\\d+)?|NaN|[+-]Inf)$`, 'i');

const directory = mkdtempSync(join(tmpdir(), 'crm-metrics-'));
afterAll(() => {
  stopPrograms();
  rmSync(directory, { recursive: true, force: true });
});

onEveryDatabase((kind) => {
  describe('the metrics', () => {
    let google: GoogleStandIn;
    let database: TestDatabase;
    let program: Program;
    let address: string;
    let anonymous: Client;
    let admin: Client;

    beforeAll(async () => {
      [google, database] = await Promise.all([GoogleStandIn.start(), createDatabase(kind)]);
      const settings = {
        NODE_ENV: 'production',
        WEB_CONCURRENCY: '1',
        PORT: '0',
        METRICS_PORT: '0',
        DRAIN_SECONDS: '0',
        LOG_LEVEL: 'info',
        DATA_DIR: join(directory, kind),
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        TRUSTED_PROXIES: 'loopback',
        ...(database.uri && { DATABASE_URI: database.uri }),
      };
      program = startProgram({ ...settings, ...google.env }, directory);
      anonymous = new Client(await program.address(), API);
      address = `http://127.0.0.1:${program.lines().find(({ message }) => message.startsWith('Metrics'))!.port}`;
      google.register(`${anonymous.url}/login/google/callback`);
      admin = await anonymous.signIn(ADMIN.email, ADMIN.password);
    });
    afterAll(async () => {
      await program.stop();
      await Promise.all([google.close(), database.drop()]);
    });

    /** Returns the value of each series; fails on a malformed line. */
    async function scrape(): Promise<Map<string, number>> {
      const response = await fetch(`${address}/metrics`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      const lines = (await response.text()).split('\n').filter((line) => line && !line.startsWith('#'));
      return new Map(
        lines.map((line) => {
          const [, series, value] = SAMPLE.exec(line) ?? [];
          if (!series) throw new Error(`Not a sample: ${line}`);
          return [series, Number(value)];
        }),
      );
    }

    /** Returns how much each series rises during the work. */
    async function rise(series: string[], work: () => Promise<unknown>): Promise<number[]> {
      const before = await scrape();
      await work();
      const after = await scrape();
      return series.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
    }

    it('are served in the text format of Prometheus on a separate port, and nothing else is', async () => {
      const found = await scrape();
      for (const name of [
        'process_cpu_user_seconds_total',
        'nodejs_eventloop_lag_p99_seconds',
        'nodejs_heap_size_used_bytes',
      ])
        expect(found.get(name)).toBeGreaterThan(0);
      expect((await fetch(`${anonymous.url}/metrics`)).status).toBe(404);
      for (const path of ['/', '/customers', '/livez']) expect((await fetch(address + path)).status).toBe(404);
      expect((await fetch(`${address}/metrics`, { method: 'POST' })).status).toBe(404);
    });

    it('measure requests by route pattern and status', async () => {
      const { body: customer } = await admin.post('/customers', newCustomer());
      const duration = 'http_request_duration_seconds';
      const [ok, missing, within] = await rise(
        [
          `${duration}_count{method="GET",route="/customers/:id",status="200"}`,
          `${duration}_count{method="GET",route="/customers/:id",status="404"}`,
          `${duration}_bucket{le="+Inf",method="GET",route="/customers/:id",status="200"}`,
        ],
        async () => {
          for (let n = 0; n < 3; n++) await admin.get(`/customers/${customer.id}`);
          await admin.get('/customers/2000000');
        },
      );
      expect([ok, missing, within]).toEqual([3, 1, 3]);
    });

    it('have no series that a client can create', async () => {
      const before = (await scrape()).size;
      const secret = `Schluessel-${unique()}`;
      for (let n = 0; n < 5; n++) await anonymous.get(`/${secret}/${n}?a=${n}`);
      await fetch(`${anonymous.url}/${secret}`, { method: 'PROPFIND' });
      await anonymous.get(`/problems/${secret}`);
      const after = await scrape();
      expect([...after.keys()].filter((series) => series.includes(secret))).toEqual([]);
      // requests without a route share one histogram per method
      expect(after.size - before).toBeLessThanOrEqual(4 * 14);
    });

    it('count sign-ins by method and outcome', async () => {
      const signIn = (method: string, outcome: string): string =>
        `crm_sign_ins_total{method="${method}",outcome="${outcome}"}`;
      const { body: user } = await admin.post('/users', {
        ...{ email: `user-${unique()}@example.com`, name: 'Ben', surname: 'Müller', password: 'battery staple' },
      });
      const rises = await rise(
        [
          signIn('password', 'success'),
          signIn('password', 'invalid_credentials'),
          signIn('password', 'too_many_requests'),
          signIn('refresh', 'success'),
          signIn('refresh', 'invalid_refresh_token'),
          signIn('google', 'success'),
          signIn('google', 'not_registered'),
          signIn('exchange', 'invalid_login_code'),
        ],
        async () => {
          const signedIn = await anonymous.signIn(user.email, 'battery staple');
          const headers = { 'x-forwarded-for': '203.0.113.10' };
          const wrong = { email: user.email, password: 'wrong' };
          await Promise.all([1, 2, 3].map(() => anonymous.post('/login', wrong, { headers })));
          for (let n = 0; n < 4; n++) await anonymous.post('/login', wrong, { headers });
          await anonymous.post('/login/refresh', { refreshToken: signedIn.refreshToken });
          await anonymous.post('/login/refresh', { refreshToken: 'unknown' });
          google.account = { sub: unique(), email: user.email, email_verified: true };
          expect((await new Browser(anonymous).walk('/login/google')).status).toBe(200);
          google.account = { sub: unique(), email: 'nobody@example.com', email_verified: true };
          await new Browser(anonymous).walk('/login/google');
          await anonymous.post('/login/exchange', { code: 'unknown' });
        },
      );
      expect(rises).toEqual([1, 6, 1, 1, 1, 1, 1, 1]);
    });

    it('show queued password hashes and shed requests', async () => {
      // Creating a user hashes its password before any statement, so that requests arrive faster than hashes end.
      const creations = Array.from({ length: 150 }, () => admin.post('/users', newUser()));
      const [shed] = await rise(['crm_requests_shed_total'], async () => {
        await until(async () => {
          const found = await scrape();
          return found.get('crm_password_hashes_waiting')! > 0 && found.get('crm_password_hashes_running') === 2;
        });
        await Promise.all(creations);
      });
      const refused = (await Promise.all(creations)).filter(({ status }) => status === 503).length;
      expect(refused).toBeGreaterThan(0);
      expect((await scrape()).get('crm_requests_shed_total')).toBe(refused);
      expect((await scrape()).get('crm_problems_total{code="overloaded"}')).toBe(refused);
      expect(shed).toBeLessThanOrEqual(refused);
      expect((await scrape()).get('crm_password_hashes_waiting')).toBe(0);
    });

    if (kind === 'SQLite') return;

    it('show the use of the connection pool and transaction retries', async () => {
      const { body: customer } = await admin.post('/customers', newCustomer());
      const other = await mysql.createConnection(database.uri!);
      await other.query('BEGIN');
      await other.query('SELECT id FROM customers WHERE id = ? FOR UPDATE', [customer.id]);
      const [retries, waited] = await rise(
        ['crm_transaction_retries_total', 'crm_database_pool_wait_seconds_count'],
        async () => {
          // more writes than the pool has connections
          const writes = Array.from({ length: 14 }, () =>
            admin.patch(`/customers/${customer.id}`, { phone: '+34600' }),
          );
          await until(async () => {
            const found = await scrape();
            return found.get('crm_database_pool_in_use') === 10 && found.get('crm_database_pool_waiting')! > 0;
          });
          await until(async () => (await scrape()).get('crm_transaction_retries_total')! > 0);
          await other.query('COMMIT');
          await other.end();
          await Promise.all(writes);
        },
      );
      expect(retries).toBeGreaterThan(0);
      expect(waited).toBeGreaterThanOrEqual(14);
      expect((await scrape()).get('crm_database_pool_in_use')).toBe(0);
    });
  });
});
