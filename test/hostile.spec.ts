import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import Libsql from 'libsql';
import { join } from 'node:path';
import type { Answer, Client, RequestOptions } from './support/client.js';
import { kinds, onEveryDatabase } from './support/databases.js';
import { ADMIN, newCustomer, newUser, startService, type TestService, unique } from './support/service.js';

const KIB = 1024;
const TABLES = ['users', 'customers', 'history', 'idempotency_records'];

/** What no answer may tell: where the code is, what the database is, and how it is asked. */
const INTERNALS =
  /\bstack\b|\bsql|maria|libsql|typeorm|node_modules|\bat \/|file:\/\/|\/(?:src|dist|tmp|home)\/|\.[jt]s\b/i;

/** All that is stored, to see that a refusal left no trace. */
async function contentsOf({ dataSource }: TestService): Promise<unknown[]> {
  return Promise.all(TABLES.map((table) => dataSource.query(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
}

/** A problem document with nothing about the inside of the service. */
function expectProblem(answer: Answer, status: number | number[], code?: string): void {
  expect([status].flat()).toContain(answer.status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json\b/);
  expect(answer.body).toMatchObject({ status: answer.status, code: code ?? expect.stringMatching(/^[a-z_]+$/) });
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  expect(answer.body.requestId).toMatch(/^[\w.:=+/-]{1,64}$/);
  expect(JSON.stringify({ ...answer.body, instance: '' })).not.toMatch(INTERNALS);
}

const textOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
/** A JSON body of exactly so many bytes. */
const padded = (value: unknown, bytes: number): Buffer =>
  Buffer.concat([textOf(value), Buffer.alloc(bytes, ' ')], bytes);
const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
const members = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, 1]));

/** A problem in the body, by its pointer and code. */
const firstError = ({ body }: Answer): [pointer: string, code: string] => [body.errors[0].pointer, body.errors[0].code];

onEveryDatabase((kind) => {
  let service: TestService;
  let client: Client;

  beforeAll(async () => {
    service = await startService(kind);
    client = await service.user();
  });
  afterAll(() => service.close());

  const port = (): number => Number(new URL(client.url).port);

  /** Declared last in a group of refusals. */
  function leavesNoTrace(): void {
    let before: unknown[];
    beforeAll(async () => {
      before = await contentsOf(service);
    });
    it('leave everything as it was', async () => {
      expect(await contentsOf(service)).toEqual(before);
    });
  }

  describe('bodies that are refused', () => {
    const customer = newCustomer();
    it.each<[what: string, body: string | Uint8Array, status: number, code: string]>([
      ['one byte more than 64 KiB', padded(customer, 64 * KIB + 1), 413, 'payload_too_large'],
      ['nested 500,000 levels deep', '['.repeat(500_000), 413, 'payload_too_large'],
      ['nested 30,000 levels deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 400, 'invalid_request'],
      ['nested 10,000 levels deep in objects', nested(10_000), 400, 'invalid_request'],
      ['nested 21 levels deep', nested(21), 400, 'invalid_request'],
      ['with 100,000 members', JSON.stringify(members(100_000)), 413, 'payload_too_large'],
      ['with 501 members', JSON.stringify(members(501)), 400, 'invalid_request'],
      ['with 501 members in two objects', JSON.stringify({ a: members(250), b: members(249) }), 400, 'invalid_request'],
      ['with 1,001 items', JSON.stringify({ ...customer, notes: Array(1_001).fill(0) }), 400, 'invalid_request'],
      ['an array', '[]', 400, 'invalid_request'],
      ['an array of customers', JSON.stringify([customer]), 400, 'invalid_request'],
      ['a string', '"customer"', 400, 'invalid_request'],
      ['a number', '0', 400, 'invalid_request'],
      ['a number beyond all numbers', '1e999', 400, 'invalid_request'],
      ['true', 'true', 400, 'invalid_request'],
      ['null', 'null', 400, 'invalid_request'],
      ['nothing', '', 400, 'invalid_request'],
      ['white space', '  \n', 400, 'malformed_request'],
      ['half of an object', '{"email":', 400, 'malformed_request'],
      ['two objects', '{}{}', 400, 'malformed_request'],
      ['NaN', '{"name":NaN}', 400, 'malformed_request'],
      ['single quotes', "{'name':'x'}", 400, 'malformed_request'],
      ['invalid UTF-8', Buffer.from([...textOf(customer).subarray(0, -2), 0xff, 0x22, 0x7d]), 400, 'malformed_request'],
      ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 400, 'malformed_request'],
      ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400, 'malformed_request'],
      ['UTF-16', Buffer.from(JSON.stringify(customer), 'utf16le'), 400, 'malformed_request'],
    ])('%s', async (_, body, status, code) => {
      const answer = await client.post('/customers', body);
      expectProblem(answer, status, code);
    });

    it.each<[what: string, member: string, pointer: string, code: string]>([
      ['a NUL', '"name":"A\\u0000B"', '/name', 'invalid_text'],
      ['a lone high surrogate', '"name":"\\ud800"', '/name', 'invalid_text'],
      ['a lone low surrogate', '"notes":"a\\udc00b"', '/notes', 'invalid_text'],
      ['surrogates in the wrong order', '"name":"\\udc00\\ud800"', '/name', 'invalid_text'],
      ['a lone surrogate as a name', '"\\ud800":1', '/\ufffd', 'invalid_text'],
      ['a NUL in a name', '"a\\u0000":1', '/a\0', 'invalid_text'],
      ['__proto__', '"__proto__":{"role":"admin"}', '/__proto__', 'unknown_member'],
      ['an escaped __proto__', '"__pr\\u006fto__":{"role":"admin"}', '/__proto__', 'unknown_member'],
      ['__proto__ further in', '"notes":{"__proto__":{"a":1}}', '/notes/__proto__', 'unknown_member'],
      ['constructor', '"constructor":{"prototype":{"role":"admin"}}', '/constructor', 'unknown_member'],
      ['prototype', '"prototype":{}', '/prototype', 'unknown_member'],
      ['hasOwnProperty', '"hasOwnProperty":1', '/hasOwnProperty', 'unknown_member'],
      ['toString', '"toString":"x"', '/toString', 'unknown_member'],
      ['valueOf', '"valueOf":null', '/valueOf', 'unknown_member'],
      ['toJSON', '"toJSON":{}', '/toJSON', 'unknown_member'],
      ['then', '"then":"x"', '/then', 'unknown_member'],
      ['an empty name', '"":1', '/', 'unknown_member'],
      ['a name with a slash and a tilde', '"a/b~c":1', '/a~1b~0c', 'unknown_member'],
      ['id', '"id":1', '/id', 'unknown_member'],
      ['version', '"version":7', '/version', 'unknown_member'],
      ['createdBy', '"createdBy":1', '/createdBy', 'unknown_member'],
      ['isDeleted', '"isDeleted":true', '/isDeleted', 'unknown_member'],
      ['photoUrl', '"photoUrl":"https://evil.example"', '/photoUrl', 'unknown_member'],
      ['a name of two lines', '"name":"Ana\\r\\nX-Evil: 1"', '/name', 'invalid_text'],
      ['a surname with a line feed', '"surname":"de\\nla Cruz"', '/surname', 'invalid_text'],
      ['a company with an escape sequence', '"company":"\\u001b[31mred"', '/company', 'invalid_text'],
      ['a name with a line separator', '"name":"a\\u2028b"', '/name', 'invalid_text'],
      ['an object for a name', '"name":{"$ne":null}', '/name', 'not_a_string'],
      ['an array for a name', '"name":["Ana"]', '/name', 'not_a_string'],
      ['a number for a name', '"name":1', '/name', 'not_a_string'],
      ['an object that looks like a string', '"name":{"length":3,"0":"A"}', '/name', 'not_a_string'],
      ['null for a name', '"name":null', '/name', 'not_a_string'],
      ['spaces for a name', '"name":"  "', '/name', 'empty'],
      ['an object for an e-mail', '"email":{"$gt":""}', '/email', 'not_a_string'],
      ['an e-mail with a header in it', '"email":"a@example.com\\r\\nBcc: b@example.com"', '/email', 'invalid_email'],
      ['a number for a phone', '"phone":34600123456', '/phone', 'invalid_phone'],
      ['121 emoji for a name', `"name":"${'😀'.repeat(121)}"`, '/name', 'too_long'],
      ['60,000 characters for a name', `"name":"${'x'.repeat(60_000)}"`, '/name', 'too_long'],
    ])('%s in a member', async (_, member, pointer, code) => {
      // the last of two members with one name is the one that counts
      const answer = await client.post('/customers', `${JSON.stringify(customer).slice(0, -1)},${member}}`);
      expectProblem(answer, 400, 'invalid_request');
      expect(firstError(answer)).toEqual([pointer, code]);
      expect(({} as { role?: string }).role).toBeUndefined();
    });

    it.each([
      ['null', null],
      ['a number', 12345678],
      ['an object', { length: 10 }],
      ['129 characters', 'x'.repeat(129)],
      ['7 characters', '1234567'],
    ])('%s for the password of a new user', async (_, password) => {
      const answer = await service.admin.post('/users', newUser({ password }));
      expectProblem(answer, 400, 'invalid_request');
      expect(answer.body.errors[0].pointer).toBe('/password');
    });

    it.each<[body: unknown, status: number]>([
      [{ email: { $ne: null }, password: 'x' }, 400],
      [{ email: ['admin@example.com'], password: 'x' }, 400],
      [{ email: 0, password: 'x' }, 400],
      [{ email: true, password: true }, 400],
      [{ email: null, password: null }, 400],
      [{ email: '', password: '' }, 400],
      [{}, 400],
      [[], 400],
      [{ email: 'admin@example.com', password: 'x'.repeat(129) }, 400],
      [padded({ email: 'admin@example.com', password: 'x' }, 8 * KIB + 1), 413],
      [{ email: "admin@example.com' OR 1=1-- ", password: 'x' }, 401],
      [{ email: 'admin@example.com%', password: 'x' }, 401],
      [padded({ email: 'admin@example.com', password: 'x' }, 8 * KIB), 401],
    ])('a sign-in with %p', async (body, status) => {
      expectProblem(await service.anonymous.post('/login', body), status);
    });

    it.each([
      ['a form', 'application/x-www-form-urlencoded'],
      ['plain text', 'text/plain'],
      ['plain text that says it is JSON', 'text/plain; application/json'],
      ['XML', 'application/xml'],
      ['a JavaScript type', 'text/json'],
      ['a type that begins like JSON', 'application/jsonp'],
      ['a multipart form', 'multipart/form-data; boundary=x'],
      ['a multipart form without a boundary', 'multipart/form-data'],
      ['an image', 'image/png'],
      ['half a type', 'application/'],
      ['no type', ''],
      ['two types', 'application/json, text/plain'],
      ['a type of 8 KiB', `application/${'x'.repeat(8 * KIB)}`],
    ])('%s instead of JSON', async (_, type) => {
      const body = textOf(newUser());
      // undici leaves an empty Content-Type out
      const answer = await service.admin.post('/users', body, { headers: { 'content-type': type } });
      expectProblem(answer, 415, 'unsupported_media_type');
    });

    it('a form for sign-in, which any page could send without asking', async () => {
      const answer = await service.anonymous.post(
        '/login',
        'email=admin%40example.com&password=correct+horse+battery',
        {
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        },
      );
      expectProblem(answer, 415, 'unsupported_media_type');
    });

    it('a body where none is taken', async () => {
      expectProblem(await client.request('DELETE', '/customers/1', { body: { force: true } }), 400, 'invalid_request');
      expectProblem(await service.admin.post('/users/1/restore', { role: 'admin' }), 400, 'invalid_request');
    });

    leavesNoTrace();
  });

  describe('bodies that are taken', () => {
    it('takes a body of exactly 64 KiB', async () => {
      const { status } = await client.post('/customers', padded(newCustomer(), 64 * KIB));
      expect(status).toBe(201);
    });

    it('looks into 20 levels, 500 members and 1,000 items', async () => {
      for (const body of [nested(20), JSON.stringify(members(500)), JSON.stringify({ a: Array(1_000).fill(0) })]) {
        const answer = await client.post('/customers', body);
        expectProblem(answer, 400, 'invalid_request');
        // they get as far as validation, which does not know them
        expect(firstError(answer)[1]).toBe('unknown_member');
      }
    });

    it.each([
      ['a family of four with joiners', '👨‍👩‍👧‍👦 Núñez'],
      ['a flag', '🇪🇸'],
      ['an accent of two code points', 'Jose\u0301'],
      ['right to left', 'مرحبا שלום'],
      ['a four-byte Han character', '𠮷野家'],
      ['120 emoji', '😀'.repeat(120)],
      [
        'what would be an instruction elsewhere',
        `Robert'); DROP TABLE customers;-- \\ % _ " \` \${7*7} {{7*7}} <script>`,
      ],
      ['a percent sign and a backslash at the end', '100%\\'],
    ])('gives %s back byte for byte', async (_, name) => {
      const created = await client.post(
        '/customers',
        newCustomer({ name, company: name, notes: `${name}\r\n\t${name}` }),
      );
      expect(created.status).toBe(201);
      const { body } = await client.get(`/customers/${created.body.id}`);
      expect(body).toMatchObject({ name, company: name, notes: `${name}\r\n\t${name}` });
      const [row] = await service.dataSource.query('SELECT HEX(name) AS hex FROM customers WHERE id = ?', [body.id]);
      expect(row.hex).toBe(Buffer.from(name).toString('hex').toUpperCase());
      const history = await client.get(`/customers/${body.id}/history`);
      expect(history.body.data[0].changes.name).toEqual([null, name]);
    });

    it('takes JSON with parameters, in any case, and with the suffix of merge patch', async () => {
      const json = await client.post('/customers', textOf(newCustomer()), {
        headers: { 'content-type': 'Application/JSON; Charset=UTF-8' },
      });
      expect(json.status).toBe(201);
      const { id } = json.body;
      const headers = { 'content-type': 'application/merge-patch+json' };
      const patched = await client.patch(`/customers/${id}`, textOf({ company: 'Cruz & Hijos' }), { headers });
      expect(patched).toMatchObject({ status: 200, body: { company: 'Cruz & Hijos' } });
    });

    it('answers 300,000 empty objects at once, and others meanwhile', async () => {
      const body = `[${'{},'.repeat(300_000)}{}]`;
      await client.get('/livez');
      const start = performance.now();
      const flood = Array.from({ length: 4 }, () =>
        client.post('/customers', body).then((answer) => expectProblem(answer, 413, 'payload_too_large')),
      );
      const slowest = Math.max(
        ...(await Promise.all(
          Array.from({ length: 10 }, async () => {
            const asked = performance.now();
            expect((await client.get('/livez')).status).toBe(200);
            return performance.now() - asked;
          }),
        )),
      );
      await Promise.all(flood);
      expect(slowest).toBeLessThan(700);
      expect(performance.now() - start).toBeLessThan(1_500);
    });

    it('answers the most that it looks into within moments', async () => {
      const start = performance.now();
      const worst = JSON.stringify({ a: Array.from({ length: 60 }, () => Array(500).fill(0)) });
      expectProblem(await client.post('/customers', worst), 400, 'invalid_request');
      expect(performance.now() - start).toBeLessThan(500);
    });
  });

  describe('addresses and parameters that are refused', () => {
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
    ])('the address %s', async (path) => {
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
      ['role=admin', 'role'],
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

    it('a parameter where none is known', async () => {
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

    leavesNoTrace();
  });

  describe('what a query means', () => {
    it.each([`' OR 1=1--`, `%' OR '1'='1`, '%', '_', '%@example.com', '0', 'true', '\\', `admin@example.com\\' --`])(
      'takes the e-mail %s for what it is, which nobody has',
      async (email) => {
        const { status, body } = await service.admin.get(`/customers?count=true&email=${encodeURIComponent(email)}`);
        expect(status).toBe(200);
        expect(body).toEqual({ data: [], page: { next: null, total: { value: 0, relation: 'exact' } } });
        expect((await service.admin.get(`/users?email=${encodeURIComponent(email)}`)).body.data).toEqual([]);
      },
    );

    it('takes false for false', async () => {
      const { body: gone } = await client.post('/customers', newCustomer());
      const { body: live } = await client.post('/customers', newCustomer());
      await client.delete(`/customers/${gone.id}`);
      const { body } = await client.get('/customers?deleted=false&count=false&limit=200');
      const ids = body.data.map((customer: { id: number }) => customer.id);
      expect(ids).toContain(live.id);
      expect(ids).not.toContain(gone.id);
      expect(body.page).not.toHaveProperty('total');
    });

    it('knows nothing of a method in a header', async () => {
      const { body } = await client.post('/customers', newCustomer());
      const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
      expect((await client.get(`/customers/${body.id}`, { headers })).status).toBe(200);
      expect((await client.get(`/customers/${body.id}`)).status).toBe(200);
    });

    it('refuses with HEAD what it refuses with GET', async () => {
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

  describe('e-mails are compared as bytes', () => {
    it('holds josé@ and jose@ for two, at creation, in lists and at sign-in', async () => {
      const domain = `${unique()}.example.com`;
      const names = ['jose', 'josé', 'jose\u0301', 'josè'];
      for (const name of names) {
        const user = newUser({ email: `${name}@${domain}`, password: `password of ${name}` });
        expect((await service.admin.post('/users', user)).status).toBe(201);
        expect((await client.post('/customers', newCustomer({ email: user.email }))).status).toBe(201);
      }
      for (const name of names) {
        const email = `${name}@${domain}`;
        for (const list of ['users', 'customers']) {
          const { body } = await service.admin.get(`/${list}?email=${encodeURIComponent(email.toUpperCase())}`);
          expect(body.data.map((row: { email: string }) => row.email)).toEqual([email]);
        }
      }
      const signIns = names.flatMap((name, index) =>
        [name, names[(index + 1) % names.length]].map((other) =>
          service.anonymous.post('/login', { email: `${name}@${domain}`, password: `password of ${other}` }),
        ),
      );
      const statuses = (await Promise.all(signIns)).map(({ status }) => status);
      expect(statuses).toEqual(names.flatMap(() => [200, 401]));
      const taken = await client.post('/customers', newCustomer({ email: ` JOSÉ@${domain} ` }));
      expectProblem(taken, 409, 'email_taken');
    });

    it('holds two emoji for two', async () => {
      // such as a program before this one may have let in
      const insert = `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
        VALUES (?, '😀', '😀', 1, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 0)`;
      const emails = ['😀', '😁', '👨‍👩‍👧', '👨‍👩‍👦'].map((name) => `${name}@emoji.example.com`);
      for (const email of emails) await service.dataSource.query(insert, [email]);
      for (const email of emails) {
        const { body } = await client.get(`/customers?email=${encodeURIComponent(email)}`);
        expect(body.data.map((customer: { email: string }) => customer.email)).toEqual([email]);
      }
      await expect(service.dataSource.query(insert, [emails[0]])).rejects.toThrow();
    });

    it.each([
      ['a sharp s and two of them', 'straße', 'strasse'],
      ['an o with a stroke and without', 'sørensen', 'sorensen'],
      ['a wide letter and a narrow one', 'ａbc', 'abc'],
      ['a letter of another alphabet that looks the same', 'аdmin', 'admin'],
    ])('holds %s for two', async (_, one, other) => {
      const domain = `${unique()}.example.com`;
      expect((await client.post('/customers', newCustomer({ email: `${one}@${domain}` }))).status).toBe(201);
      expect((await client.post('/customers', newCustomer({ email: `${other}@${domain}` }))).status).toBe(201);
    });

    it('holds keys of different case for different Idempotency-Keys', async () => {
      const key = `Schluessel-${unique()}`;
      const send = (name: string): Promise<Answer> =>
        client.post('/customers', newCustomer(), { headers: { 'idempotency-key': name } });
      const [one, other] = [await send(key), await send(key.toLowerCase())];
      expect([one.status, other.status]).toEqual([201, 201]);
      expect(other.body.id).not.toBe(one.body.id);
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
      ['one that is too long', 'x'.repeat(65)],
      ['one of 8 KiB', 'x'.repeat(8 * KIB)],
      ['spaces', 'a b'],
      ['quotes', '"a"'],
      ['an apostrophe', `a'b`],
      ['a tag', '<script>'],
      ['a tab', 'a\tb'],
      ['a list', 'a,b'],
      ['bytes beyond ASCII', 'é'],
      ['braces', '{"a":1}'],
      ['nothing', ''],
    ])('replaces %s', async (_, id) => {
      const answers = [
        await client.get('/livez', { headers: { 'x-request-id': id } }),
        await client.get('/customers/0', { headers: { 'x-request-id': id } }),
      ];
      for (const { headers } of answers)
        expect(headers.get('x-request-id')).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(answers[1]!.body.requestId).toBe(answers[1]!.headers.get('x-request-id'));
    });

    it('replaces two of them', async () => {
      const answer = await rawRequest(port(), [
        'GET /livez HTTP/1.1',
        'Host: x',
        'X-Request-Id: one',
        'X-Request-Id: two',
        'Connection: close',
      ]);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).toMatch(/^x-request-id: [\da-f-]{36}\r$/im);
    });

    it('is another one for every request', async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, async () => (await client.get('/livez')).headers.get('x-request-id')),
      );
      expect(new Set(ids).size).toBe(20);
    });
  });

  describe('HTTP', () => {
    const body = '{"email":"a@example.com","password":"x"}';
    const smuggled = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

    it.each<[what: string, request: string]>([
      [
        'two Content-Lengths',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${smuggled}`,
      ],
      [
        'the same Content-Length twice',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n12345`,
      ],
      ['a list of Content-Lengths', `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n12345`],
      [
        'Content-Length and Transfer-Encoding',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      ],
      [
        'Transfer-Encoding and Content-Length',
        `POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n28\r\n${body}\r\n0\r\n\r\n`,
      ],
      [
        'an unknown Transfer-Encoding',
        `POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n${smuggled}`,
      ],
      [
        'a Transfer-Encoding with a space before its colon',
        `POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
      ],
      ['a negative Content-Length', `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`],
      ['a Content-Length in hexadecimal', `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n`],
      ['bare line feeds', 'GET /livez HTTP/1.1\nHost: x\n\n'],
      ['a bare line feed after a header', 'GET /livez HTTP/1.1\r\nHost: x\nX-Evil: 1\r\n\r\n'],
      ['a bare carriage return in a header', 'GET /livez HTTP/1.1\r\nHost: x\rX-Evil: 1\r\n\r\n'],
      ['a NUL in a header', 'GET /livez HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n'],
      ['a folded header', 'GET /livez HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n'],
      ['a space before the colon of a header', 'GET /livez HTTP/1.1\r\nHost : x\r\n\r\n'],
      ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
      [
        'a chunk size that is no number',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
      ],
      ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
      ['a method that there is not', 'NONSENSE /livez HTTP/1.1\r\nHost: x\r\n\r\n'],
    ])('refuses %s, and reads nothing behind it', async (_, request) => {
      const answer = await raw(port(), request);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
      expect(answer).not.toContain('"ok"');
      expect(answer).not.toMatch(INTERNALS);
    });

    it('refuses headers of more than 16 KiB', async () => {
      const answer = await rawRequest(port(), ['GET /livez HTTP/1.1', 'Host: x', `X-A: ${'a'.repeat(17 * KIB)}`]);
      expect(answer).toMatch(/^HTTP\/1\.1 431 /);
      expect(answer).not.toMatch(INTERNALS);
    });

    it.each([
      ['what is no HTTP', ['GET /livez HTTP/1.1', 'Host : x'], 400, 'malformed_request'],
      [
        'headers that are too large',
        ['GET /livez HTTP/1.1', 'Host: x', `X-A: ${'a'.repeat(17 * KIB)}`],
        431,
        'headers_too_large',
      ],
    ] as const)('answers %s with a problem document too', async (_, lines, status, code) => {
      const answer = await rawRequest(port(), [...lines]);
      const [head = '', text = ''] = answer.split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(head).toMatch(/^content-type: application\/problem\+json/im);
      const problem = JSON.parse(text);
      expect(problem).toMatchObject({ status, code, requestId: expect.any(String) });
      expect(head).toMatch(new RegExp(`^x-request-id: ${problem.requestId}\\r?$`, 'im'));
    });

    it('takes a body in chunks, counts its bytes, and ends at the limit', async () => {
      const headers = [
        'POST /login HTTP/1.1',
        'Host: x',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
        'Connection: close',
      ];
      const small = await rawRequest(port(), headers, `28\r\n${body}\r\n0\r\n\r\n`);
      expect(small).toMatch(/^HTTP\/1\.1 401 /);
      const chunk = `2000\r\n${' '.repeat(0x2000)}\r\n`;
      const large = await rawRequest(port(), headers, `${chunk}28\r\n${body}\r\n0\r\n\r\n`);
      expect(large).toMatch(/^HTTP\/1\.1 413 /);
    });

    it('gives slow headers, slow bodies and silent sockets a limited time', async () => {
      const server = service.app.getHttpServer() as unknown as Record<string, number>;
      const { headersTimeout, requestTimeout, keepAliveTimeout } = server;
      expect({ headersTimeout, requestTimeout }).toEqual({ headersTimeout: 10_000, requestTimeout: 30_000 });
      // longer than the load balancer keeps its idle connections
      expect(keepAliveTimeout).toBeGreaterThan(600_000);
      // the same check, sooner
      Object.assign(server, { headersTimeout: 100, requestTimeout: 200 });
      try {
        const slow = [
          '',
          'GET /livez HTTP/1.1\r\nHost: x\r\nX-',
          `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{`,
        ];
        const answers = await Promise.all(slow.map((part) => raw(port(), part)));
        for (const answer of answers) {
          expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
          expect(answer).not.toMatch(INTERNALS);
        }
      } finally {
        Object.assign(server, { headersTimeout, requestTimeout });
      }
      expect((await client.get('/livez')).status).toBe(200);
    });

    it('serves others while 200 sockets say nothing', async () => {
      const sockets = await Promise.all(Array.from({ length: 200 }, () => open(port(), 'GET /livez HTTP/1.1\r\nX-')));
      try {
        const start = performance.now();
        expect((await client.get('/customers')).status).toBe(200);
        expect(performance.now() - start).toBeLessThan(1_000);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });

    it('does not mind a client that leaves in the middle of its body', async () => {
      const socket = await open(
        port(),
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"email":`,
      );
      socket.destroy();
      expect((await client.get('/livez')).status).toBe(200);
    });

    it.each<[what: string, status: number, method: string, path: string, options?: RequestOptions]>([
      ['200', 200, 'GET', '/livez'],
      ['200 of one resource', 200, 'GET', '/me'],
      ['400', 400, 'GET', '/customers/0'],
      ['400 of an address', 400, 'GET', '/customers/%zz'],
      ['400 of a body', 400, 'POST', '/customers', { body: '{' }],
      ['401', 401, 'GET', '/me', { headers: { authorization: 'Bearer x' } }],
      ['403', 403, 'GET', '/users'],
      ['404', 404, 'GET', '/nothing'],
      ['404 of a resource', 404, 'GET', '/customers/2147483647'],
      ['413', 413, 'POST', '/customers', { body: padded({}, 64 * KIB + 1) }],
      ['414', 414, 'GET', `/customers/${'1'.repeat(101)}`],
      ['415', 415, 'POST', '/customers', { body: '{}', headers: { 'content-type': 'text/plain' } }],
    ])('has security headers on %s', async (_, status, method, path, options = {}) => {
      const answer = await client.request(method, path, options);
      expect(answer.status).toBe(status);
      expectSecurityHeaders(answer);
    });

    it('lets no cache keep what is somebody’s', async () => {
      for (const path of ['/me', '/customers', '/customers/0', '/nothing'])
        expect((await client.get(path)).headers.get('cache-control')).toMatch(/no-store|private/);
      const { headers } = await service.anonymous.post('/login', { email: 'x@example.com', password: 'x' });
      expect(headers.get('cache-control')).toContain('no-store');
    });

    it('takes no address of the client for its own', async () => {
      const answer = await rawRequest(port(), ['GET /nothing HTTP/1.1', 'Host: evil"<script>', 'Connection: close']);
      expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(answer).not.toContain('<script>');
    });
  });

  describe('CORS', () => {
    const allowed = ['https://good.example.com', 'http://localhost:3000'];
    let open: TestService;
    beforeAll(async () => {
      open = await startService(kind, { beside: service, env: { CORS_ORIGINS: allowed.join(',') } });
    });
    afterAll(() => open.close());

    const preflight = (on: TestService, origin: string): Promise<Answer> =>
      on.anonymous.request('OPTIONS', '/customers/1', {
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization',
        },
      });

    it('lets scripts of the allowed origins in, with every method and header of the API', async () => {
      for (const origin of allowed) {
        const { status, headers } = await preflight(open, origin);
        expect(status).toBe(204);
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('access-control-allow-methods')).toMatch(/PATCH/);
        expect(headers.get('access-control-allow-headers')).toMatch(/authorization/);
        expect(headers.get('vary')).toMatch(/origin/i);
      }
    });

    it('lets them read refusals, and the headers that they need', async () => {
      for (const path of ['/livez', '/customers', '/nothing', '/customers/%zz']) {
        const { headers } = await open.anonymous.get(path, { headers: { origin: allowed[0]! } });
        expect([path, headers.get('access-control-allow-origin')]).toEqual([path, allowed[0]]);
        for (const name of ['ETag', 'Link', 'Location', 'X-Request-Id', 'Idempotency-Replayed', 'Retry-After'])
          expect(headers.get('access-control-expose-headers')).toContain(name);
      }
    });

    it.each([
      'null',
      '*',
      'https://good.evil',
      'https://good.example.com.evil',
      'https://evil-good.example.com',
      'https://sub.good.example.com',
      'https://goodXexample.com',
      'http://good.example.com',
      'https://good.example.com:8443',
      'https://good.example.com/',
      'https://GOOD.example.com',
      'http://localhost:3001',
      'http://localhost',
      'https://good.example.com https://evil.example',
      'https://good.example.com,https://evil.example',
      'file://',
    ])('lets %s have nothing', async (origin) => {
      const answers = [
        await preflight(open, origin),
        await open.anonymous.get('/livez', { headers: { origin } }),
        await open.anonymous.post('/login', {}, { headers: { origin } }),
      ];
      for (const { status, headers } of answers) {
        expect(status).toBeLessThan(500);
        expect(headers.has('access-control-allow-origin')).toBe(false);
        expect(headers.has('access-control-allow-credentials')).toBe(false);
      }
    });

    it('lets nobody in unless it is told to', async () => {
      const answers = [
        await preflight(service, allowed[0]!),
        await client.get('/livez', { headers: { origin: allowed[0]! } }),
      ];
      for (const { headers } of answers) expect(headers.has('access-control-allow-origin')).toBe(false);
    });
  });

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

  it('believes nothing that a trusted proxy could not have meant', async () => {
    const proxied = await startService(kind, {
      env: { TRUSTED_PROXIES: 'loopback', CORS_ORIGINS: 'https://app.example.com' },
    });
    const { url } = proxied.anonymous;
    const answer = await fetch(`${url}/me`, {
      headers: { 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'evil.example' },
    });
    expect(((await answer.json()) as { type: string }).type).toBe('/problems/unauthenticated');
    const secure = await fetch(`${url}/me`, {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'crm.example.com' },
    });
    expect(((await secure.json()) as { type: string }).type).toBe('https://crm.example.com/problems/unauthenticated');
    const login = await proxied.anonymous.post('/login', ADMIN, { headers: { 'x-forwarded-for': 'x'.repeat(300) } });
    expect(login.status).toBe(200);
    const options = await fetch(`${url}/customers`, { method: 'OPTIONS' });
    expect([options.status, await options.text()]).toEqual([204, '']);
    await proxied.close();
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

function expectSecurityHeaders({ headers }: Answer): void {
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toContain(`default-src 'none'`);
  expect(headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`);
  expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{7,}/);
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.has('x-powered-by')).toBe(false);
  expect(headers.has('server')).toBe(false);
}

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

function open(port: number, text: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (text) socket.write(text, 'latin1');
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** All that comes back until the server hangs up. */
async function raw(port: number, text: string): Promise<string> {
  const socket = await open(port, text);
  socket.removeAllListeners('error');
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    // by then a connection that is still open stays so
    socket.setTimeout(3_000, () => socket.destroy());
  });
}

const rawRequest = (port: number, lines: string[], body = ''): Promise<string> =>
  raw(port, `${lines.join('\r\n')}\r\n\r\n${body}`);

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
