import { randomBytes } from 'node:crypto';
import { KIB } from '../support/bodies.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { expectProblem, firstError, leavesNoTrace } from '../support/refusals.js';
import { newCustomer, startService, type TestService } from '../support/service.js';
import { portOf, rawRequest } from '../support/sockets.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let client: Client;

  beforeAll(async () => {
    service = await startService(kind);
    client = await service.user();
  });
  afterAll(() => service.close());

  describe('refused URLs and parameters', () => {
    beforeAll(() => Promise.all([1, 2].map(() => client.post('/customers', newCustomer()))));

    it.each([
      '-1',
      '0',
      '00',
      '01',
      '+1',
      '2147483648',
      '9007199254740993',
      '99999999999999999999999',
      '1e3',
      '1E0',
      '0x10',
      '0b1',
      '1.0',
      '1.',
      '%201',
      '1%20',
      '1%0a',
      '%00',
      '1%00',
      '1abc',
      'abc',
      'null',
      'undefined',
      'NaN',
      'Infinity',
      '١',
      '%EF%BC%91',
      '1,2',
      '1;2',
      '1%20OR%201=1',
      `1'--`,
      '__proto__',
      'constructor',
      '*',
      '1%2f2',
      '[object Object]',
    ])('the id %s', async (id) => {
      const answers = await Promise.all([
        client.get(`/customers/${id}`),
        client.patch(`/customers/${id}`, { company: 'x' }),
        client.post(`/customers/${id}/restore`),
        service.admin.delete(`/users/${id}`),
        client.delete(`/me/sessions/${id}`),
      ]);
      for (const answer of answers) {
        expectProblem(answer, 400, 'invalid_request');
        expect(firstError(answer)).toEqual(['id', 'not_in_range']);
      }
    });

    it.each([
      '/customers/%',
      '/customers/%zz',
      '/customers/%c3%28',
      '/customers/%ff',
      '/customers/1/..%2f..%2fetc%2fpasswd',
      '/customers/1/2/3',
      '/customers//1',
      '//customers',
      '/customers/',
      '/CUSTOMERS',
      '/customers;x=1',
      '/customers%2f1',
      '/customers/1/history/',
      `/customers/${'1'.repeat(101)}`,
      `/${'x'.repeat(8_000)}`,
      '/problems/__proto__',
      '/problems/constructor',
      '/problems/toString',
      '/problems/nothing',
      '/.env',
      '/.git/config',
      '/docs/../../etc/passwd',
      '/docs/%2e%2e/%2e%2e/package.json',
      '/docs/..%2f..%2fpackage.json',
    ])('the URL %s', async (path) => {
      const answer = await service.admin.get(path);
      expectProblem(answer, [400, 404, 414]);
    });

    it.each([
      ['limit=0', 'limit'],
      ['limit=-1', 'limit'],
      ['limit=201', 'limit'],
      ['limit=1e2', 'limit'],
      ['limit=abc', 'limit'],
      ['limit=', 'limit'],
      ['limit=NaN', 'limit'],
      ['limit=1.5', 'limit'],
      ['limit=0x10', 'limit'],
      ['limit=%2B5', 'limit'],
      ['limit=%205', 'limit'],
      ['limit=99999999999999999999', 'limit'],
      ['sort=(select 1)', 'sort'],
      ['sort=(select%20password_hash%20from%20users)', 'sort'],
      ['sort=password_hash', 'sort'],
      ['sort=passwordHash', 'sort'],
      ['sort=--id', 'sort'],
      ['sort=id,name', 'sort'],
      ['sort=id%20desc', 'sort'],
      ['sort=-ID', 'sort'],
      ['sort=constructor', 'sort'],
      ['sort=__proto__', 'sort'],
      ['sort=', 'sort'],
      ['cursor=', 'cursor'],
      ['cursor=abc', 'cursor'],
      ['cursor=%00', 'cursor'],
      [`cursor=${randomBytes(40).toString('base64url')}`, 'cursor'],
      [`cursor=${'A'.repeat(1_001)}`, 'cursor'],
      ['count=1', 'count'],
      ['count=yes', 'count'],
      ['count=', 'count'],
      ['count=TRUE', 'count'],
      ['deleted=0', 'deleted'],
      ['deleted=null', 'deleted'],
      ['createdBy=0', 'createdBy'],
      ['createdBy=-1', 'createdBy'],
      ['createdBy=1%20OR%201=1', 'createdBy'],
      ['createdBy=1abc', 'createdBy'],
      ['createdBy=2147483648', 'createdBy'],
      ['modifiedSince=yesterday', 'modifiedSince'],
      ['modifiedSince=0', 'modifiedSince'],
      ['modifiedSince=2026-13-01T00:00:00Z', 'modifiedSince'],
      ['modifiedSince=2026-11-01', 'modifiedSince'],
      [`modifiedSince=2026-11-01T00:00:00Z'%20OR%201=1--`, 'modifiedSince'],
      ['modifiedSince=%2B275760-09-13T00:00:00Z', 'modifiedSince'],
      ['email=', 'email'],
      ['email=%00', 'email'],
      ['email=a%0d%0ab', 'email'],
      [`email=${'x'.repeat(300)}`, 'email'],
      ['nonsense=1', 'nonsense'],
      ['Limit=5', 'Limit'],
      ['limit[]=5', 'limit[]'],
      ['a[b]=c', 'a[b]'],
      ['email[$ne]=x', 'email[$ne]'],
      ['__proto__=1', '__proto__'],
      ['__proto__[role]=admin', '__proto__[role]'],
      ['constructor=1', 'constructor'],
      ['hasOwnProperty=1', 'hasOwnProperty'],
      ['toString=1', 'toString'],
      ['access_token=x', 'access_token'],
      ['roles=admin', 'roles'],
    ])('the query %s', async (query, pointer) => {
      const lists = ['/customers', '/users'];
      for (const answer of await Promise.all(lists.map((list) => service.admin.get(`${list}?${query}`)))) {
        expectProblem(answer, 400, 'invalid_request');
        expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
      }
    });

    it.each([
      'limit=5&limit=6',
      'email=a@example.com&email=b@example.com',
      'sort=id&sort=id',
      'deleted=true&deleted=false',
    ])('the repeated parameter in %s', async (query) => {
      const answer = await client.get(`/customers?${query}`);
      expectProblem(answer, 400, 'invalid_request');
      expect(firstError(answer)[1]).toBe('repeated');
    });

    it('a parameter on a route that takes none', async () => {
      for (const path of ['/', '/livez', '/readyz', '/me', '/customers/1', '/problems/not_found'])
        expectProblem(await client.get(`${path}?x=1`), 400, 'invalid_request');
      expectProblem(await client.post('/customers?dryRun=true', newCustomer()), 400, 'invalid_request');
    });

    it('a thousand parameters', async () => {
      const query = Array.from({ length: 1_000 }, (_, index) => `p${index}=`).join('&');
      expectProblem(await client.get(`/customers?${query}`), 400, 'invalid_request');
    });

    it('a cursor of another list, another order or another filter', async () => {
      const { body } = await service.admin.get('/customers?limit=1');
      const cursor = body.page.next as string;
      expect((await service.admin.get(`/customers?limit=1&cursor=${cursor}`)).status).toBe(200);
      const bytes = Buffer.from(cursor, 'base64url');
      bytes[bytes.length - 2]! ^= 1;
      for (const path of [
        `/users?cursor=${cursor}`,
        `/customers?sort=name&cursor=${cursor}`,
        `/customers?deleted=true&cursor=${cursor}`,
        `/customers?email=a@example.com&cursor=${cursor}`,
        `/customers?cursor=${bytes.toString('base64url')}`,
        `/customers?cursor=${cursor.slice(0, 8)}`,
      ]) {
        const answer = await service.admin.get(path);
        expectProblem(answer, 400, 'invalid_request');
        expect(firstError(answer)).toEqual(['cursor', 'invalid_cursor']);
      }
    });

    it.each([
      ['If-Match', 'v1'],
      ['If-Match', '"v1" "v2"'],
      ['If-Match', `"v1"; DROP TABLE customers`],
      ['Idempotency-Key', 'x'.repeat(256)],
      ['Idempotency-Key', 'schlüssel'],
      ['Idempotency-Key', ' '],
    ])('the header %s: %s', async (name, value) => {
      const headers = { [name]: value };
      const answer =
        name === 'If-Match'
          ? await client.patch('/customers/1', { company: 'x' }, { headers })
          : await client.post('/customers', newCustomer(), { headers });
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.body.errors[0].pointer).toBe(name);
    });

    leavesNoTrace(() => service);
  });

  describe('query semantics', () => {
    it.each([`' OR 1=1--`, `%' OR '1'='1`, '%', '_', '%@example.com', '0', 'true', '\\', `admin@example.com\\' --`])(
      'treats the e-mail %s as plain text, which matches no row',
      async (email) => {
        const { status, body } = await service.admin.get(`/customers?count=true&email=${encodeURIComponent(email)}`);
        expect(status).toBe(200);
        expect(body).toEqual({ data: [], page: { next: null, total: { value: 0, relation: 'exact' } } });
        expect((await service.admin.get(`/users?email=${encodeURIComponent(email)}`)).body.data).toEqual([]);
      },
    );

    it('treats false as false', async () => {
      const { body: deleted } = await client.post('/customers', newCustomer());
      const { body: active } = await client.post('/customers', newCustomer());
      await client.delete(`/customers/${deleted.id}`);
      const { body } = await client.get('/customers?deleted=false&count=false&limit=200');
      const ids = body.data.map((customer: { id: number }) => customer.id);
      expect(ids).toContain(active.id);
      expect(ids).not.toContain(deleted.id);
      expect(body.page).not.toHaveProperty('total');
    });

    it('ignores method override headers', async () => {
      const { body } = await client.post('/customers', newCustomer());
      const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
      expect((await client.get(`/customers/${body.id}`, { headers })).status).toBe(200);
      expect((await client.get(`/customers/${body.id}`)).status).toBe(200);
    });

    it('refuses HEAD exactly as GET', async () => {
      for (const path of [
        '/customers?nonsense=1',
        '/customers/1?x=1',
        '/livez?x=1',
        '/customers/0',
        '/users/1e3',
        '/nothing',
      ]) {
        const [get, head] = [await service.admin.get(path), await service.admin.request('HEAD', path)];
        expect([path, head.status]).toEqual([path, get.status]);
        expect(head.body).toBe('');
      }
      expect((await service.anonymous.request('HEAD', '/customers')).status).toBe(401);
      expect((await client.request('HEAD', '/users')).status).toBe(403);
    });
  });

  describe('X-Request-Id', () => {
    it.each(['a', 'c1f4e0c2-5f0c-4f0e-9d55-8f5a4d1a2b3c', 'Root=1-67891233-abcdef', 'x'.repeat(64)])(
      'keeps %s',
      async (id) => {
        const { headers } = await client.get('/livez', { headers: { 'x-request-id': id } });
        expect(headers.get('x-request-id')).toBe(id);
        const refused = await client.get('/customers/0', { headers: { 'x-request-id': id } });
        expect(refused.body.requestId).toBe(id);
      },
    );

    it.each([
      ['an id of 65 characters', 'x'.repeat(65)],
      ['an id of 8 KiB', 'x'.repeat(8 * KIB)],
      ['spaces', 'a b'],
      ['quotes', '"a"'],
      ['an apostrophe', `a'b`],
      ['a tag', '<script>'],
      ['a tab', 'a\tb'],
      ['a list', 'a,b'],
      ['bytes beyond ASCII', 'é'],
      ['braces', '{"a":1}'],
      ['an empty id', ''],
    ])('replaces %s', async (_, id) => {
      const answers = [
        await client.get('/livez', { headers: { 'x-request-id': id } }),
        await client.get('/customers/0', { headers: { 'x-request-id': id } }),
      ];
      for (const { headers } of answers)
        expect(headers.get('x-request-id')).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(answers[1]!.body.requestId).toBe(answers[1]!.headers.get('x-request-id'));
    });

    it('replaces a repeated header', async () => {
      const answer = await rawRequest(portOf(client), [
        'GET /livez HTTP/1.1',
        'Host: x',
        'X-Request-Id: one',
        'X-Request-Id: two',
        'Connection: close',
      ]);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).toMatch(/^x-request-id: [\da-f-]{36}\r$/im);
    });

    it('is unique for every request', async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, async () => (await client.get('/livez')).headers.get('x-request-id')),
      );
      expect(new Set(ids).size).toBe(20);
    });
  });
});
