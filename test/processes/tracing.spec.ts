import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BucketStandIn } from '../stand-ins/bucket.js';
import { type CollectedSpan, CollectorStandIn } from '../stand-ins/collector.js';
import type { Answer } from '../support/client.js';
import { Client } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { anotherJpeg } from '../support/images.js';
import { freePort } from '../support/mariadb.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, unique } from '../support/service.js';
import { portOf, raw } from '../support/sockets.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

const directory = mkdtempSync(join(tmpdir(), 'crm-tracing-'));
afterAll(() => {
  stopPrograms();
  rmSync(directory, { recursive: true, force: true });
});

onEveryDatabase((kind) => {
  describe('the traces', () => {
    let bucket: BucketStandIn;
    let collector: CollectorStandIn;
    let database: TestDatabase;
    let program: Program;
    let anonymous: Client;
    let admin: Client;

    const start = (endpoint: string, overrides: Record<string, string> = {}): Program =>
      startProgram(
        {
          NODE_ENV: 'production',
          WEB_CONCURRENCY: '1',
          PORT: '0',
          DRAIN_SECONDS: '0',
          DATA_DIR: join(directory, kind),
          JWT_SECRET,
          ADMIN_EMAIL: ADMIN.email,
          ADMIN_PASSWORD: ADMIN.password,
          OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
          OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=crm',
          OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=tests',
          OTEL_BSP_SCHEDULE_DELAY: '100',
          ...(database.uri && { DATABASE_URI: database.uri }),
          ...bucket.env,
          ...overrides,
        },
        directory,
      );

    beforeAll(async () => {
      [bucket, collector, database] = await Promise.all([
        BucketStandIn.start(),
        CollectorStandIn.start(),
        createDatabase(kind),
      ]);
      program = start(collector.url);
      anonymous = new Client(await program.address(), API);
      admin = await anonymous.signIn(ADMIN.email, ADMIN.password);
    });
    afterAll(async () => {
      await program.stop();
      await Promise.all([bucket.close(), collector.close(), database.drop()]);
    });

    /** The span of the request, and those of the same trace. */
    async function traceOf({ headers }: Answer): Promise<{ server: CollectedSpan; children: CollectedSpan[] }> {
      const id = headers.get('x-request-id');
      const server = await until(() => collector.spans.find(({ attributes }) => attributes['crm.request_id'] === id));
      const children = collector.spans.filter(({ parentId }) => parentId === server.spanId);
      return { server, children };
    }

    it('have a span for each request and, as its children, one for each statement', async () => {
      const answer = await admin.patch('/me', { name: `Ada-${unique()}` });
      const { server, children } = await traceOf(answer);
      expect(server).toMatchObject({
        name: 'PATCH /me',
        kind: 'server',
        parentId: '',
        hasFailed: false,
        attributes: {
          'http.request.method': 'PATCH',
          'http.response.status_code': 200,
          'http.route': '/me',
          'url.path': '/me',
          'url.scheme': 'http',
        },
        resource: {
          'service.name': 'crm-service',
          'service.version': expect.any(String),
          'deployment.environment.name': 'tests',
        },
      });
      expect(children.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['SELECT users', 'UPDATE users', 'INSERT history']),
      );
      const update = children.find(({ name }) => name === 'UPDATE users')!;
      expect(update).toMatchObject({
        kind: 'client',
        traceId: server.traceId,
        attributes: {
          'db.operation.name': 'UPDATE',
          'db.collection.name': 'users',
          'db.query.text': expect.stringMatching(/^UPDATE users SET .*name = \?.* WHERE id = \? AND version = \?$/),
          'db.system.name': kind === 'SQLite' ? 'sqlite' : expect.stringMatching(/^(mariadb|mysql)$/),
        },
      });
      for (const { startNs, endNs } of children) {
        expect(startNs).toBeGreaterThanOrEqual(server.startNs);
        expect(endNs).toBeLessThanOrEqual(server.endNs);
      }
      expect(collector.headers[0]).toMatchObject({ 'x-tenant': 'crm' });
    });

    it('continue the trace of the client, and the log line names the span', async () => {
      const sampled = await admin.get('/customers', { headers: { traceparent: `00-${TRACE}-${SPAN}-01` } });
      const { server, children } = await traceOf(sampled);
      expect(server).toMatchObject({ traceId: TRACE, parentId: SPAN });
      expect(children.length).toBeGreaterThan(0);
      const line = await until(() =>
        program.lines().find(({ requestId }) => requestId === server.attributes['crm.request_id']),
      );
      expect(line).toMatchObject({
        'logging.googleapis.com/trace': `projects/crm-project/traces/${TRACE}`,
        'logging.googleapis.com/spanId': server.spanId,
        'logging.googleapis.com/trace_sampled': true,
      });
    });

    it('leave out what the client does not sample, and ignore what is no trace', async () => {
      const requestId = `unsampled-${unique()}`;
      await admin.get('/customers', { headers: { traceparent: `00-${TRACE}-${SPAN}-00`, 'x-request-id': requestId } });
      const headers = { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01`, baggage: 'name=zq-baggage' };
      const { server } = await traceOf(await admin.get('/customers', { headers }));
      expect(server.parentId).toBe('');
      expect(collector.spans.some(({ attributes }) => attributes['crm.request_id'] === requestId)).toBe(false);
      expect(Buffer.concat(collector.bodies).includes('zq-baggage')).toBe(false);
    });

    it('have a span for each call of the bucket', async () => {
      const { body } = await admin.post('/customers', newCustomer());
      const headers = { 'content-type': 'image/jpeg' };
      const answer = await admin.put(`/customers/${body.id}/photo`, await anotherJpeg(), { headers });
      const { server, children } = await traceOf(answer);
      const puts = children.filter(({ name }) => name === 'bucket put');
      expect(puts).toHaveLength(2);
      expect(puts[0]).toMatchObject({
        kind: 'client',
        attributes: { 'storage.operation': 'put', 'storage.bucket': 'crm-photos' },
      });
      expect(server.attributes).toMatchObject({ 'http.route': '/customers/:id/photo' });
      bucket.fail('put', { status: 403 }, 2);
      const failed = await traceOf(await admin.put(`/customers/${body.id}/photo`, await anotherJpeg(), { headers }));
      expect(failed.server).toMatchObject({ hasFailed: true, attributes: { 'error.type': 'storage_forbidden' } });
      expect(failed.children.some(({ name, hasFailed }) => name === 'bucket put' && hasFailed)).toBe(true);
    });

    it('contain no values of rows, queries and credentials', async () => {
      const secret = `zq${unique().replace('-', 'x')}`;
      const customer = newCustomer({ email: `${secret}@example.com`, name: secret, notes: secret });
      const { body } = await admin.post('/customers', customer, { headers: { 'idempotency-key': secret } });
      await admin.get(`/customers?q=${secret}`);
      await admin.post('/customers', customer);
      await admin.post(`/customers/${body.id}/erase`);
      await anonymous.post('/login', { email: `${secret}@example.com`, password: secret });
      await anonymous.get(`/problems/${secret}`);
      const last = await anonymous.get(`/${secret}@example.com?code=${secret}`);
      expect((await traceOf(last)).server).toMatchObject({ name: 'GET', attributes: { 'url.path': '/*' } });
      const sent = Buffer.concat(collector.bodies);
      expect(sent.includes('/customers/:id/erase')).toBe(true);
      for (const text of [secret, ADMIN.password, admin.accessToken!]) expect(sent.includes(text)).toBe(false);
    });

    it('include requests that the router refuses, and unknown methods by one name', async () => {
      const refused = await fetch(`${anonymous.url}/%zz`);
      const id = refused.headers.get('x-request-id');
      const span = await until(() => collector.spans.find(({ attributes }) => attributes['crm.request_id'] === id));
      expect(span.attributes['http.response.status_code']).toBe(400);
      await raw(
        portOf(anonymous),
        'PROPFIND / HTTP/1.1\r\nHost: a\r\nX-Request-Id: odd-method\r\nConnection: close\r\n\r\n',
      );
      const odd = await until(() =>
        collector.spans.find(({ attributes }) => attributes['crm.request_id'] === 'odd-method'),
      );
      expect(odd.attributes['http.request.method']).toBe('_OTHER');
    });

    it('are sent before the process exits', async () => {
      const requestId = `last-${unique()}`;
      await admin.get('/me', { headers: { 'x-request-id': requestId } });
      expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(collector.spans.some(({ attributes }) => attributes['crm.request_id'] === requestId)).toBe(true);
    });

    it('are dropped while there is no collector, which is logged once and delays nothing', async () => {
      const alone = start(`http://127.0.0.1:${await freePort()}`, { OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
      const client = new Client(await alone.address(), API);
      for (let n = 0; n < 20; n++) expect((await client.get('/')).status).toBe(200);
      const lines = await until(() => {
        const found = alone.lines().filter(({ logger }) => logger === 'Tracing');
        return found.length > 0 && found;
      });
      expect(lines).toEqual([
        expect.objectContaining({ severity: 'WARNING', fix: expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT') }),
      ]);
      const stopping = performance.now();
      expect(await alone.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(performance.now() - stopping).toBeLessThan(5_000);
    });
  });
});
