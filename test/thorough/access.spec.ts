import { request } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import { resolve } from '../../src/openapi/components.js';
import type { Answer, Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { newCustomer, newUser, startService, type TestService, unique } from '../support/service.js';

type Access = 'public' | 'user' | 'admin';
type Schema = Record<string, any>;

interface Operation {
  method: string;
  path: string;
  access: Access;
  schema?: Schema;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Refused for missing permission, judged by the code. */
const isRefused = ({ body }: Answer): boolean => ['unauthenticated', 'forbidden'].includes(body?.code);

onEveryDatabase((kind) => {
  let service: TestService;
  let api: OpenAPIObject;
  let operations: Operation[];
  /** The user, customer and session that the requests are about. */
  let target: { user: Client & { id: number }; customer: number; session: number };

  beforeAll(async () => {
    service = await startService(kind);
    ({ api } = service.anonymous as unknown as { api: OpenAPIObject });
    operations = operationsOf(api);
    const user = await service.user();
    const { body: customer } = await service.admin.post('/customers', newCustomer());
    const { body: sessions } = await user.get('/me/sessions');
    target = { user, customer: customer.id, session: sessions.data[0].id };
  });
  afterAll(() => service.close());

  function operationsOf({ paths }: OpenAPIObject): Operation[] {
    const found = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, Schema>)
        .filter(([method]) => METHODS.includes(method))
        .map(([method, operation]) => ({
          method: method.toUpperCase(),
          path,
          access: operation['x-access'],
          schema: operation.requestBody?.content?.['application/json']?.schema,
        })),
    );
    // Last, because it ends the session.
    return found.toSorted((a, b) => Number(a.path === '/logout') - Number(b.path === '/logout'));
  }

  /** A valid body by the OpenAPI, so that a request is refused only for missing permission. */
  function sampleOf(schema: Schema | undefined): unknown {
    if (!schema) return undefined;
    if (schema.$ref) return sampleOf(api.components!.schemas![schema.$ref.split('/').at(-1)]);
    if (schema.properties)
      return Object.fromEntries(Object.entries<Schema>(schema.properties).map(([name, one]) => [name, sampleOf(one)]));
    if (schema.format === 'email') return `sample-${unique()}@example.com`;
    return schema.example ?? schema.enum?.at(-1) ?? schema.allOf?.map(sampleOf)[0] ?? 'a sample';
  }

  function send(client: Client, { method, path, schema }: Operation, options = {}): Promise<Answer> {
    const id = path.startsWith('/customers')
      ? target.customer
      : path.startsWith('/me')
        ? target.session
        : target.user.id;
    const filled = path
      .replace('{id}', String(id))
      .replace('{provider}', 'google')
      .replace('{code}', 'not_found')
      .replace(/\{\w+\}/g, 'x');
    return client.request(method, filled, { body: sampleOf(schema), ...options });
  }

  /** All tables, to see that a refused request changes nothing. */
  async function snapshot() {
    const tables = service.dataSource.entityMetadatas.map(({ tableName }) => tableName).toSorted();
    expect(tables).toEqual(
      expect.arrayContaining(['customers', 'history', 'idempotency_records', 'sessions', 'users']),
    );
    const rows = await Promise.all(
      tables.map((table) => service.dataSource.query<unknown[]>(`SELECT * FROM ${table}`)),
    );
    return Object.fromEntries(tables.map((table, index) => [table, rows[index]]));
  }

  const idempotent = () => ({ headers: { 'idempotency-key': `access-${unique()}` } });

  /** Sends the operations and expects the refusal, and no change in the database. */
  async function expectRefusals(client: Client, refused: Operation[], expected: (operation: Operation) => string) {
    expect(refused.length).toBeGreaterThan(5);
    const before = await snapshot();
    for (const operation of refused) {
      const { status, body, headers } = await send(client, operation, idempotent());
      const name = `${operation.method} ${operation.path}`;
      expect(`${name}: ${status} ${body.code}`).toBe(`${name}: ${expected(operation)}`);
      expect(headers.has('www-authenticate')).toBe(status === 401);
      expect(headers.has('etag')).toBe(false);
    }
    expect(await snapshot()).toEqual(before);
  }

  const closed = () => operations.filter(({ access }) => access !== 'public');

  describe('the OpenAPI', () => {
    it('states the access level of every operation', () => {
      expect(operations.length).toBeGreaterThan(25);
      for (const { method, path, access } of operations)
        expect([`${method} ${path}`, ['public', 'user', 'admin'].includes(access)]).toEqual([
          `${method} ${path}`,
          true,
        ]);
    });

    it('makes only the listed routes public', () => {
      const open = operations.filter(({ access }) => access === 'public').map(({ path }) => path);
      const listed = /^\/($|livez$|readyz$|problems(\/\{code\})?$|photos\/|login(\/|$))/;
      expect(open.filter((path) => !listed.test(path))).toEqual([]);
      expect(open).toEqual(expect.arrayContaining(['/', '/livez', '/readyz', '/login']));
    });

    it('restricts all routes of users to admins', () => {
      const users = operations.filter(({ path }) => path.startsWith('/users'));
      expect(users.length).toBeGreaterThan(8);
      expect(users.filter(({ access }) => access !== 'admin')).toEqual([]);
    });

    it('states the security requirement of every closed operation', () => {
      for (const { method, path, access } of operations) {
        const operation = (api.paths[path] as Record<string, Schema>)[method.toLowerCase()]!;
        const name = `${method} ${path}`;
        expect([name, operation.security ?? api.security]).toEqual([name, access === 'public' ? [] : [{ bearer: [] }]]);
        const isForAdmins = JSON.stringify(resolve(api, operation.responses['403'] ?? {})).includes('`forbidden`');
        expect([name, isForAdmins]).toEqual([name, access === 'admin']);
      }
    });

    it('contains every route of the service except the documentation', async () => {
      const tree: string = service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
      const routes: string[] = [];
      for (const path of pathsOf(tree)) {
        // the router has all methods of every path; `Allow` names those that are more than a refusal
        const { headers } = await service.admin.request('PURGE', path.replace(/\{\w+\}/g, '1'));
        routes.push(
          ...headers
            .get('allow')!
            .split(', ')
            .map((method) => `${method} ${path}`),
        );
      }
      expect(routes.length).toBeGreaterThan(operations.length);
      const documented = new Set(operations.map(({ method, path }) => `${method} ${path}`));
      const unknown = routes.filter((route) => {
        const [method, path] = route.split(' ') as [string, string];
        const isDocumentation = /^\/docs(\/|$)|^\/openapi\.(json|yaml)$/.test(path);
        if (isDocumentation) return method !== 'GET' && method !== 'HEAD';
        return !documented.has(`${method === 'HEAD' ? 'GET' : method} ${path}`);
      });
      expect(unknown).toEqual([]);
      expect([...documented].filter((route) => !routes.includes(route))).toEqual([]);
    });

    it('exposes no file outside the documentation', async () => {
      for (const path of [
        '/docs/..%2f..%2fpackage.json',
        '/docs/%2e%2e/%2e%2e/package.json',
        '/docs/.env',
        '/docs/../package.json',
        '/docs/%00',
      ])
        expect([path, (await raw('GET', path)).status]).toEqual([path, 404]);
    });
  });

  /** Parses Fastify's printed routes into `/path/{parameter}`. */
  function pathsOf(tree: string): string[] {
    const above: string[] = [];
    return tree
      .split('\n')
      .filter((line) => line.trim())
      .flatMap((line) => {
        const [, indent, label, methods] = /^([\s│├└─]*)(\S+)(?: \((.+)\))?$/.exec(line) ?? [];
        if (indent === undefined) throw new Error(`Cannot read the route ${line}`);
        const depth = indent.length / 4;
        const path = (above[depth - 1] ?? '') + label;
        above.length = depth;
        above.push(path);
        return methods ? [path.replace(/:(\w+)/g, '{$1}')] : [];
      });
  }

  describe('a closed route', () => {
    it('refuses anonymous requests', async () => {
      await expectRefusals(service.anonymous, closed(), () => '401 unauthenticated');
    });

    it('refuses a garbage token', async () => {
      await expectRefusals(service.anonymous.as('garbage'), closed(), () => '401 unauthenticated');
    });

    it('refuses users on admin routes', async () => {
      const user = await service.user();
      const forAdmins = closed().filter(({ access }) => access === 'admin');
      await expectRefusals(user, forAdmins, () => '403 forbidden');
    });

    it('refuses a deleted user', async () => {
      const user = await service.user();
      expect((await service.admin.delete(`/users/${user.id}`)).status).toBe(204);
      await expectRefusals(user, closed(), () => '401 unauthenticated');
    });

    it('refuses a deleted admin', async () => {
      const admin = await service.user({ role: 'admin' });
      expect((await service.admin.delete(`/users/${admin.id}`)).status).toBe(204);
      await expectRefusals(admin, closed(), () => '401 unauthenticated');
    });

    it('refuses a demoted admin, and after signing in again on admin routes', async () => {
      const admin = await service.user({ role: 'admin' });
      expect((await service.admin.put(`/users/${admin.id}/role`, { role: 'user' })).status).toBe(200);
      await expectRefusals(admin, closed(), () => '401 unauthenticated');
      const back = await service.anonymous.signIn(admin.email, admin.password);
      const forAdmins = closed().filter(({ access }) => access === 'admin');
      await expectRefusals(back, forAdmins, () => '403 forbidden');
    });

    it('refuses a user who signed out', async () => {
      const user = await service.user();
      expect((await user.post('/logout')).status).toBe(204);
      await expectRefusals(user, closed(), () => '401 unauthenticated');
    });

    it('reads the role from the row, not from the token', async () => {
      const admin = await service.user({ role: 'admin' });
      expect((await admin.get('/users')).status).toBe(200);
      await service.dataSource.query('UPDATE users SET admin = 0 WHERE id = ?', [admin.id]);
      const forAdmins = closed().filter(({ access }) => access === 'admin');
      await expectRefusals(admin, forAdmins, () => '403 forbidden');
    });

    it('does not reveal to refused clients whether the request was valid', async () => {
      const user = await service.user();
      const before = await snapshot();
      for (const [client, code] of [
        [service.anonymous, 'unauthenticated'],
        [user, 'forbidden'],
      ] as const)
        for (const response of [
          await client.get('/users/abc'),
          await client.get('/users/2147483647'),
          await client.get('/users?nonsense=1'),
          await client.get('/users?limit=0&limit=1'),
          await client.post('/users', { email: 7, nonsense: true }),
          await client.patch(`/users/${target.user.id}`, { name: 'Eve' }, { headers: { 'if-match': 'nonsense' } }),
          await client.post('/users', newUser(), { headers: { 'idempotency-key': '\t' } }),
          await client.delete(`/users/${target.user.id}/sessions?nonsense=1`),
        ])
          expect(response.body.code).toBe(code);
      expect(await snapshot()).toEqual(before);
    });

    it('allows users on user routes', async () => {
      const user = await service.user();
      const forUsers = operations.filter(({ access }) => access === 'user');
      expect(forUsers.length).toBeGreaterThan(5);
      const responses: string[] = [];
      for (const operation of forUsers) {
        const response = await send(user, operation);
        if (isRefused(response)) responses.push(`${operation.method} ${operation.path}: ${response.body.code}`);
      }
      expect(responses).toEqual([]);
    });

    it('allows admins everywhere, with the same requests that were refused above', async () => {
      const admin = await service.user({ role: 'admin' });
      const before = await snapshot();
      const responses: string[] = [];
      const succeeded: string[] = [];
      for (const operation of closed()) {
        const name = `${operation.method} ${operation.path}`;
        const response = await send(admin, operation, idempotent());
        if (isRefused(response)) responses.push(`${name}: ${response.body.code}`);
        if (response.status < 300) succeeded.push(name);
      }
      expect(responses).toEqual([]);
      // So the requests above were refused only for missing permission.
      expect(succeeded).toEqual(
        expect.arrayContaining([
          'POST /users',
          'PATCH /users/{id}',
          'PUT /users/{id}/role',
          'POST /users/{id}/password-reset',
          'DELETE /users/{id}/sessions',
          'DELETE /users/{id}',
          'POST /users/{id}/restore',
          'POST /customers',
          'PATCH /customers/{id}',
          'PATCH /me',
        ]),
      );
      expect(await snapshot()).not.toEqual(before);
    });
  });

  /** Sends the path as it is; fetch would normalize it. */
  function raw(method: string, path: string, headers: Record<string, string> = {}, token?: string) {
    return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const { hostname, port } = new URL(service.anonymous.url);
      const authorization = token && { authorization: `Bearer ${token}` };
      request({ hostname, port, method, path, headers: { ...headers, ...authorization } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }));
      })
        .on('error', reject)
        .end();
    });
  }

  describe('another spelling', () => {
    const paths = [
      '/%75sers',
      '/%55SERS',
      '/user%73',
      '/%2575sers',
      '//users',
      '///users',
      '/./users',
      '/.//users',
      '/%2fusers',
      '/%2e/users',
      '/users/',
      '/users//',
      '/users/.',
      '/users%2f',
      '/users%20',
      '/users%00',
      '/users%09',
      '/users;x',
      '/users;x=/livez',
      '/users.json',
      '/users?',
      '/users?x=/livez',
      '/users#/livez',
      '/USERS',
      '/Users',
      '/uſers',
      '/livez/../users',
      '/livez/%2e%2e/users',
      '/livez%2f..%2fusers',
      '/docs/../users',
      '/docs/..%2fusers',
      '/login/../users',
      '/customers/../users',
      '/\\users',
      'http://evil.example/users',
    ];

    it.each(paths)('of the path, such as %s, opens nothing', async (path) => {
      const user = await service.user();
      const encoded = path.replace('ſ', '%C5%BF');
      for (const [token, allowed] of [
        [undefined, [400, 401, 404]],
        [user.accessToken, [400, 403, 404]],
      ] as const)
        for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
          const { status, text } = await raw(method, encoded, {}, token);
          expect([method, status, allowed.some((one) => one === status)]).toEqual([method, status, true]);
          expect(text).not.toContain('@example.com');
        }
    });

    it('of the path is the plain route or nothing, even for an admin', async () => {
      const plain = await raw('GET', '/users', {}, service.admin.accessToken);
      expect([plain.status, plain.text.includes('@example.com')]).toEqual([200, true]);
      for (const path of paths) {
        const { status, text } = await raw('GET', path.replace('ſ', '%C5%BF'), {}, service.admin.accessToken);
        expect([path, [200, 400, 404].includes(status)]).toEqual([path, true]);
        if (status === 200) expect([path, text]).toEqual([path, plain.text]);
      }
    });

    it('of an id opens nothing', async () => {
      const { id } = target.user;
      const user = await service.user();
      for (const path of [
        `/users/${id}/`,
        `/users//${id}`,
        `/users/${id};x`,
        `/users/${id}%2frole`,
        `/users/${id}/%72ole`,
        `/me/../users/${id}`,
        `/users/me`,
      ])
        for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
          const anonymous = await raw(method, path);
          expect([path, method, [400, 401, 404].includes(anonymous.status)]).toEqual([path, method, true]);
          const signedIn = await raw(method, path, {}, user.accessToken);
          expect([path, method, [400, 403, 404].includes(signedIn.status)]).toEqual([path, method, true]);
        }
    });

    it('of GET, HEAD, is equally closed and has no body', async () => {
      const user = await service.user();
      for (const { path, access } of operations.filter(({ method }) => method === 'GET')) {
        const operation = { method: 'HEAD', path, access };
        const name = `HEAD ${path}`;
        const anonymous = await send(service.anonymous, operation);
        const signedIn = await send(user, operation);
        expect([name, anonymous.body, signedIn.body]).toEqual([name, '', '']);
        if (access !== 'public') expect([name, anonymous.status]).toEqual([name, 401]);
        if (access === 'admin') expect([name, signedIn.status]).toEqual([name, 403]);
      }
      expect((await user.request('HEAD', '/me')).status).toBe(200);
    });

    it.each(['OPTIONS', 'TRACE', 'PROPFIND', 'LINK', 'SEARCH', 'QUERY', 'PURGE'])(
      'of the method, %s, opens nothing',
      async (method) => {
        const before = await snapshot();
        for (const token of [undefined, target.user.accessToken, service.admin.accessToken]) {
          const responses = await Promise.all(
            ['/users', '/customers', `/users/${target.user.id}`, '/me', '/livez'].map((path) =>
              raw(method, path, {}, token),
            ),
          );
          for (const { status, text } of responses) {
            expect([400, 401, 403, 404, 405]).toContain(status);
            expect(text).not.toContain('@example.com');
          }
        }
        expect(await snapshot()).toEqual(before);
      },
    );

    it('of the method in a header or parameter is ignored', async () => {
      const user = await service.user();
      const { body: customer } = await service.admin.post('/customers', newCustomer());
      const before = await snapshot();
      for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override', '_method'])
        for (const method of ['DELETE', 'PATCH', 'PUT', 'POST']) {
          const headers = { [name]: method };
          expect((await user.get(`/customers/${customer.id}`, { headers })).body).toEqual(customer);
          expect((await user.get('/users', { headers })).status).toBe(403);
          expect((await service.anonymous.get('/users', { headers })).status).toBe(401);
          expect((await service.admin.get(`/users/${target.user.id}`, { headers })).status).toBe(200);
          expect((await user.post(`/customers/${customer.id}`, undefined, { headers })).status).toBe(405);
        }
      // A closed write does not become an open read, or the reverse.
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const headers = { 'x-http-method-override': method };
        expect((await service.anonymous.delete(`/customers/${customer.id}`, { headers })).status).toBe(401);
        expect((await user.delete(`/users/${target.user.id}`, { headers })).status).toBe(403);
      }
      const query = await user.get(`/customers/${customer.id}?_method=DELETE`);
      expect([query.status, query.body.code]).toEqual([400, 'invalid_request']);
      expect(await snapshot()).toEqual(before);
    });

    it('of the origin of a request is not trusted', async () => {
      const user = await service.user();
      for (const [name, value] of [
        ['x-original-url', '/livez'],
        ['x-rewrite-url', '/livez'],
        ['x-forwarded-for', '127.0.0.1'],
        ['x-forwarded-user', 'admin@example.com'],
        ['x-remote-user', 'admin@example.com'],
        ['x-user-id', '1'],
        ['x-forwarded-prefix', '/livez'],
        ['forwarded', 'for=127.0.0.1'],
        ['host', 'localhost'],
        ['origin', 'http://127.0.0.1'],
      ] as const) {
        expect([name, (await raw('GET', '/users', { [name]: value })).status]).toEqual([name, 401]);
        expect([name, (await raw('GET', '/users', { [name]: value }, user.accessToken)).status]).toEqual([name, 403]);
        expect([name, (await raw('GET', '/livez', { [name]: '/users' })).text]).toEqual([name, '{"status":"ok"}']);
      }
    });
  });
});
