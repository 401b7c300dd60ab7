import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Answer, Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { jpeg } from '../support/images.js';
import { newCustomer, newUser, startService, type TestService } from '../support/service.js';
import { portOf, raw } from '../support/sockets.js';

const problemIn = (answer: string): Record<string, unknown> => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client;

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  const allowOf = ({ status, headers, body }: Answer): unknown[] => [status, headers.get('allow'), body.code];

  describe('Another method of a known path', () => {
    it.each([
      ['POST', '/livez', 'GET, HEAD'],
      ['PROPFIND', '/', 'GET, HEAD'],
      ['GET', '/login', 'POST'],
      ['DELETE', '/docs', 'GET, HEAD'],
    ])('is 405 with the methods of the path, for everybody on public paths: %s %s', async (method, path, allow) => {
      expect(allowOf(await service.anonymous.request(method, path))).toEqual([405, allow, 'method_not_allowed']);
    });

    it.each([
      ['PUT', '/customers', 'GET, HEAD, POST'],
      ['POST', '/customers/1', 'GET, HEAD, PATCH, DELETE'],
      ['DELETE', '/customers/changes', 'GET, HEAD'],
      ['PATCH', '/customers/1/photo', 'PUT, DELETE'],
      ['OPTIONS', '/me', 'GET, HEAD, PATCH'],
    ])('is 405 only for callers who may use the path: %s %s', async (method, path, allow) => {
      expect((await service.anonymous.request(method, path)).body.code).toBe('unauthenticated');
      expect((await user.as('garbage').request(method, path)).body.code).toBe('unauthenticated');
      expect(allowOf(await user.request(method, path))).toEqual([405, allow, 'method_not_allowed']);
    });

    it('tells users nothing about the paths of admins', async () => {
      for (const path of ['/users', '/users/1/role', '/customers/export'])
        for (const method of ['TRACE', 'PROPPATCH']) {
          expect((await service.anonymous.request(method === 'TRACE' ? 'QUERY' : method, path)).status).toBe(401);
          const found = await user.request(method === 'TRACE' ? 'QUERY' : method, path);
          expect([found.status, found.headers.get('allow')]).toEqual([404, null]);
        }
      expect(allowOf(await service.admin.delete('/users'))).toEqual([405, 'GET, HEAD, POST', 'method_not_allowed']);
      // found as a customer by its router before
      expect(allowOf(await service.admin.delete('/customers/export'))[0]).toBe(405);
    });

    it('is 404 for an unknown path, whatever the method', async () => {
      for (const client of [service.anonymous, service.admin])
        for (const method of ['GET', 'POST', 'PURGE'])
          expect((await client.request(method, '/nothing')).status).toBe(404);
    });
  });

  describe('A body', () => {
    const customer = (): string => JSON.stringify(newCustomer());

    it.each<[type: string, coding: string, bytes: () => Uint8Array]>([
      ['application/json', 'gzip', () => gzipSync(customer())],
      ['application/json', 'br', () => brotliCompressSync(customer())],
      ['application/json', 'identity, gzip', () => Buffer.from(customer())],
      ['multipart/form-data; boundary=x', 'gzip', () => gzipSync('--x--')],
    ])('with a Content-Encoding is 415: %s, %s', async (type, coding, bytes) => {
      const headers = { 'content-type': type, 'content-encoding': coding };
      const { status, body } = await user.post('/customers', bytes(), { headers });
      expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
    });

    it('of a photo or a file with a Content-Encoding is 415', async () => {
      const image = { 'content-type': 'image/jpeg', 'content-encoding': 'gzip' };
      expect((await user.put('/customers/1/photo', gzipSync(await jpeg()), { headers: image })).status).toBe(415);
      const csv = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };
      expect((await service.admin.post('/customers/import', gzipSync('email'), { headers: csv })).status).toBe(415);
    });

    it.each(['utf-16', '"UTF-16LE"', 'iso-8859-1', 'us-ascii', ''])('in the charset %s is 415', async (charset) => {
      const headers = { 'content-type': `application/json; charset=${charset}` };
      expect((await user.post('/customers', customer(), { headers })).status).toBe(415);
      const text = Buffer.from(customer(), 'utf16le');
      expect((await user.post('/customers', text, { headers })).status).toBe(415);
    });

    it.each(['utf-8', 'UTF-8', '"utf-8"', 'utf8'])('in the charset %s is accepted', async (charset) => {
      const headers = { 'content-type': `application/json; charset=${charset}`, 'content-encoding': 'identity' };
      expect((await user.post('/customers', customer(), { headers })).status).toBe(201);
    });

    it('of a file may have any charset that the import knows', async () => {
      const file = Buffer.from('email;name;surname\r\nx@example.com;José;García', 'latin1');
      const send = (charset: string): Promise<Answer> =>
        service.admin.post('/customers/import?dryRun=true', file, {
          headers: { 'content-type': `text/csv; charset=${charset}` },
        });
      expect((await send('windows-1252')).body.at(-1)).toMatchObject({ event: 'done', created: 1 });
      expect((await send('klingon')).status).toBe(415);
    });
  });

  describe('A request that cannot be served', () => {
    it('is 417 with an unknown expectation, and served with 100-continue', async () => {
      const { port } = { port: portOf(user) };
      const refused = await raw(
        port,
        'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: the-best\r\nConnection: close\r\n\r\n',
      );
      expect(refused).toMatch(/^HTTP\/1\.1 417 /);
      expect(problemIn(refused)).toMatchObject({ code: 'expectation_failed', instance: '/livez' });
      const body = '{"email":"a@example.com","password":"x"}';
      const served = await raw(
        port,
        `POST /login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(served).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 401 /);
    });

    it.each<[what: string, request: string, type: string, instance: string]>([
      ['without a Host', 'GET /me?x=1 HTTP/1.1\r\n\r\n', 'http://127.0.0.1:{port}', '/me'],
      [
        'with an odd Host',
        'GET /me HTTP/1.1\r\nHost: <x>\r\nConnection: close\r\n\r\n',
        'http://127.0.0.1:{port}',
        '/me',
      ],
      ['malformed', 'GET /me?a=b HTTP/1.1\r\nHost: crm.example\r\nX : y\r\n\r\n', 'http://crm.example', '/me'],
      [
        'with large headers',
        `GET /me HTTP/1.1\r\nHost: crm.example\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`,
        'http://crm.example',
        '/me',
      ],
      ['that is no HTTP', '\x16\x03\x01\r\n\r\n', 'http://127.0.0.1:{port}', 'urn:uuid:{id}'],
      ['after another', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n', 'http://x', '/livez'],
    ])('has a problem with an absolute type and an instance: %s', async (_, request, origin, instance) => {
      const answer = (await raw(portOf(user), request)).split(/(?=HTTP\/1\.1 )/).at(-1)!;
      const problem = problemIn(answer);
      expect(problem.type).toBe(`${origin.replace('{port}', String(portOf(user)))}/problems/${String(problem.code)}`);
      expect(problem.instance).toBe(instance.replace('{id}', String(problem.requestId)));
    });

    it('has the type of PUBLIC_URL, if that is set', async () => {
      const env = { PUBLIC_URL: 'https://crm.example.org' };
      const behindProxy = await startService(kind, { beside: service, env });
      const answer = await raw(portOf(behindProxy.anonymous), 'nonsense\r\n\r\n');
      expect(problemIn(answer).type).toBe('https://crm.example.org/problems/malformed_request');
      await behindProxy.close();
    });
  });

  describe('All mistakes of a request', () => {
    const errorsOf = ({ status, body }: Answer): unknown[] => [
      status,
      ...(body.errors ?? []).map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`).sort(),
    ];

    it('are named at once: of the path, the query, the headers and the body', async () => {
      const answer = await user.patch(
        '/customers/0?dryRun=1',
        { email: 7, name: '', colour: 'red' },
        { headers: { 'if-match': 'v7' } },
      );
      expect(errorsOf(answer)).toEqual([
        400,
        '/colour unknown_member',
        '/email not_a_string',
        '/name empty',
        'If-Match not_an_etag',
        'dryRun unknown_parameter',
        'id not_in_range',
      ]);
    });

    it('are named for a POST with a key', async () => {
      const headers = { 'idempotency-key': ' ' };
      const answer = await user.post(
        '/customers?x=1',
        { surname: 'x' },
        { headers: { ...headers, 'idempotency-key': 'ñ' } },
      );
      expect(errorsOf(answer)).toEqual([
        400,
        '/email required',
        '/name required',
        'Idempotency-Key not_allowed',
        'x unknown_parameter',
      ]);
    });

    it('are named for queries, with the parameters that are allowed', async () => {
      const answer = await user.get('/customers/1/history?limit=0&page=2&cursor=');
      expect(errorsOf(answer)).toEqual([400, 'cursor empty', 'limit not_in_range', 'page unknown_parameter']);
      expect(answer.body.detail).toContain('page: Unknown parameter. Allowed: limit, cursor.');
      const none = await user.get('/me?x=1');
      expect(none.body.errors[0].message).toBe('Unknown parameter. This route has no parameters.');
    });

    it('are not named to callers without access', async () => {
      expect((await user.patch('/users/0?x=1', { id: 1 })).body).toMatchObject({ code: 'forbidden' });
    });

    it.each<[method: string, path: string, body: object, readOnly: string[]]>([
      [
        'PATCH',
        '/customers/1',
        { id: 2, version: 3, createdAt: 'x', photo: null, mergedInto: 1 },
        ['id', 'version', 'createdAt', 'photo', 'mergedInto'],
      ],
      ['POST', '/customers', { ...newCustomer(), lastModifiedBy: 1, deletedAt: null }, ['lastModifiedBy', 'deletedAt']],
      ['PATCH', '/users/1', { role: 'admin', hasPassword: true }, ['role', 'hasPassword']],
      ['PATCH', '/me', { email: 'x@example.com', identities: [] }, ['email', 'identities']],
    ])('include that a member is read-only: %s %s', async (method, path, body, readOnly) => {
      const { status, body: problem } = await service.admin.request(method, path, { body });
      expect(status).toBe(400);
      expect(problem.errors).toEqual(
        readOnly.map((name) => ({ pointer: `/${name}`, code: 'read_only', message: 'Is read-only.' })),
      );
    });
  });

  describe('The ETag', () => {
    const versionOf = (answer: Answer): number => Number(/^"v(\d+)"$/.exec(answer.headers.get('etag') ?? '')?.[1]);

    it('follows every write of a customer, also its deletion', async () => {
      const created = await user.post('/customers', newCustomer());
      const path = `/customers/${created.body.id}`;
      const deleted = await user.delete(path, { headers: { 'if-match': '"v1"' } });
      expect([deleted.status, versionOf(deleted)]).toEqual([204, 2]);
      const restored = await user.post(`${path}/restore`, undefined, { headers: { 'if-match': '"v2"' } });
      expect([restored.status, versionOf(restored), restored.body.version]).toEqual([200, 3, 3]);
    });

    it('follows every write of a user that has no body with its version', async () => {
      const { body: created } = await service.admin.post('/users', newUser());
      const path = `/users/${created.id}`;
      const answers = [
        await service.admin.post(`${path}/password-reset`),
        await service.admin.delete(`${path}/sessions`),
        await service.admin.delete(path),
      ];
      expect(answers.map((answer) => [answer.status, versionOf(answer)])).toEqual([
        [201, 2],
        [204, 3],
        [204, 4],
      ]);
      expect((await service.admin.post(`${path}/restore`)).body.version).toBe(5);
    });

    it('follows a change of the own password', async () => {
      const own = await service.user();
      const passwords = { currentPassword: own.password, newPassword: 'another long secret' };
      const changed = await own.put('/me/password', passwords);
      const { body: profile } = await own.get('/me');
      expect([changed.status, versionOf(changed)]).toEqual([204, profile.version]);
    });
  });

  it('A refused preflight is logged in development, once for each origin, with the variable to set', async () => {
    const lines: string[] = [];
    const env = { NODE_ENV: 'development', LOG_LEVEL: 'warn', CORS_ORIGINS: 'http://localhost:3000' };
    const development = await startService(kind, { beside: service, env, log: (line) => lines.push(line) });
    const preflight = async (origin: string): Promise<void> => {
      const headers = { origin, 'access-control-request-method': 'PATCH' };
      await development.anonymous.request('OPTIONS', '/customers/1', { headers });
    };
    for (const origin of ['http://localhost:3000', 'http://localhost:5173', 'http://localhost:5173', 'x"\\evil'])
      await preflight(origin);
    await development.close();
    expect(lines.filter((line) => line.includes('CORS_ORIGINS'))).toEqual([
      expect.stringContaining('http://localhost:5173'),
    ]);
  });
});
