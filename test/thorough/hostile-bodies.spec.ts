import { KIB, padded, textOf } from '../support/bodies.js';
import type { Answer, Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { expectProblem, firstError, leavesNoTrace } from '../support/refusals.js';
import { newCustomer, newUser, startService, type TestService, unique } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let client: Client;

  beforeAll(async () => {
    service = await startService(kind);
    client = await service.user();
  });
  afterAll(() => service.close());

  describe('refused bodies', () => {
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
      ['a number that overflows', '1e999', 400, 'invalid_request'],
      ['true', 'true', 400, 'invalid_request'],
      ['null', 'null', 400, 'invalid_request'],
      ['no body', '', 400, 'invalid_request'],
      ['white space', '  \n', 400, 'malformed_request'],
      ['an incomplete object', '{"email":', 400, 'malformed_request'],
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
      ['a nested __proto__', '"notes":{"__proto__":{"a":1}}', '/notes/__proto__', 'unknown_member'],
      ['constructor', '"constructor":{"prototype":{"role":"admin"}}', '/constructor', 'unknown_member'],
      ['prototype', '"prototype":{}', '/prototype', 'unknown_member'],
      ['hasOwnProperty', '"hasOwnProperty":1', '/hasOwnProperty', 'unknown_member'],
      ['toString', '"toString":"x"', '/toString', 'unknown_member'],
      ['__proto__ deep inside', '"notes":[0,{"a/b":[{"__proto__":1}]}]', '/notes/1/a~1b/0/__proto__', 'unknown_member'],
      ['valueOf', '"valueOf":null', '/valueOf', 'unknown_member'],
      ['toJSON', '"toJSON":{}', '/toJSON', 'unknown_member'],
      ['then', '"then":"x"', '/then', 'unknown_member'],
      ['an empty name', '"":1', '/', 'unknown_member'],
      ['a name with a slash and a tilde', '"a/b~c":1', '/a~1b~0c', 'unknown_member'],
      ['id', '"id":1', '/id', 'read_only'],
      ['version', '"version":7', '/version', 'read_only'],
      ['createdBy', '"createdBy":1', '/createdBy', 'read_only'],
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
      // JSON.parse keeps the last of two members with the same name
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
      ['plain text that claims to be JSON', 'text/plain; application/json'],
      ['XML', 'application/xml'],
      ['a JavaScript type', 'text/json'],
      ['a type that starts like JSON', 'application/jsonp'],
      ['a multipart form', 'multipart/form-data; boundary=x'],
      ['a multipart form without a boundary', 'multipart/form-data'],
      ['an image', 'image/png'],
      ['an incomplete type', 'application/'],
      ['no type', ''],
      ['two types', 'application/json, text/plain'],
      ['a type of 8 KiB', `application/${'x'.repeat(8 * KIB)}`],
    ])('%s instead of JSON', async (_, type) => {
      const body = textOf(newUser());
      // undici omits an empty Content-Type
      const answer = await service.admin.post('/users', body, { headers: { 'content-type': type } });
      expectProblem(answer, 415, 'unsupported_media_type');
    });

    it('a sign-in form, which any page could send without a CORS preflight', async () => {
      const answer = await service.anonymous.post(
        '/login',
        'email=admin%40example.com&password=correct+horse+battery',
        {
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        },
      );
      expectProblem(answer, 415, 'unsupported_media_type');
    });

    it('a body on a route that takes none', async () => {
      expectProblem(await client.request('DELETE', '/customers/1', { body: { force: true } }), 400, 'invalid_request');
      expectProblem(await service.admin.post('/users/1/restore', { role: 'admin' }), 400, 'invalid_request');
    });

    leavesNoTrace(() => service);
  });

  describe('accepted bodies', () => {
    it('accepts a body of exactly 64 KiB', async () => {
      const { status } = await client.post('/customers', padded(newCustomer(), 64 * KIB));
      expect(status).toBe(201);
    });

    it('accepts 20 levels, 500 members and 1,000 items', async () => {
      for (const body of [nested(20), JSON.stringify(members(500)), JSON.stringify({ a: Array(1_000).fill(0) })]) {
        const answer = await client.post('/customers', body);
        expectProblem(answer, 400, 'invalid_request');
        // they pass the shape limits and reach validation, which refuses the member
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
        'SQL, shell, template and HTML syntax',
        `Robert'); DROP TABLE customers;-- \\ % _ " \` \${7*7} {{7*7}} <script>`,
      ],
      ['a percent sign and a backslash at the end', '100%\\'],
    ])('returns %s byte for byte', async (_, name) => {
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

    it('accepts application/json in any case with parameters, and merge patches', async () => {
      const json = await client.post('/customers', textOf(newCustomer()), {
        headers: { 'content-type': 'Application/JSON; Charset=UTF-8' },
      });
      expect(json.status).toBe(201);
      const { id } = json.body;
      const headers = { 'content-type': 'application/merge-patch+json' };
      const patched = await client.patch(`/customers/${id}`, textOf({ company: 'Cruz & Hijos' }), { headers });
      expect(patched).toMatchObject({ status: 200, body: { company: 'Cruz & Hijos' } });
    });

    // test/processes/response-times.spec.ts measures how long these take
    it('refuses 300,000 empty objects by size, and serves other requests in the meantime', async () => {
      const body = `[${'{},'.repeat(300_000)}{}]`;
      const flood = Array.from({ length: 4 }, () => client.post('/customers', body));
      const others = Array.from({ length: 10 }, () => client.get('/livez'));
      for (const { status } of await Promise.all(others)) expect(status).toBe(200);
      for (const answer of await Promise.all(flood)) expectProblem(answer, 413, 'payload_too_large');
    });

    it('refuses 30,000 items in arrays of 500', async () => {
      const worst = JSON.stringify({ a: Array.from({ length: 60 }, () => Array(500).fill(0)) });
      expectProblem(await client.post('/customers', worst), 400, 'invalid_request');
    });
  });

  describe('e-mails are compared byte by byte', () => {
    it('treats josé@ and jose@ as different, at creation, in lists and at sign-in', async () => {
      const domain = `${unique()}.example.com`;
      const names = ['jose', 'josé', 'jose\u0301', 'josè'];
      // unlike e-mails, passwords are the same in every form of Unicode
      const passwordOf = (name: string): string => `password ${names.indexOf(name)}`;
      for (const name of names) {
        const user = newUser({ email: `${name}@${domain}`, password: passwordOf(name) });
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
        [name, names[(index + 1) % names.length]!].map((other) =>
          service.anonymous.post('/login', { email: `${name}@${domain}`, password: passwordOf(other) }),
        ),
      );
      const statuses = (await Promise.all(signIns)).map(({ status }) => status);
      expect(statuses).toEqual(names.flatMap(() => [200, 401]));
      const taken = await client.post('/customers', newCustomer({ email: ` JOSÉ@${domain} ` }));
      expectProblem(taken, 409, 'email_taken');
    });

    it('treats two emoji as different', async () => {
      // rows that an earlier program may have inserted
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
      ['ß and ss', 'straße', 'strasse'],
      ['an o with and without a stroke', 'sørensen', 'sorensen'],
      ['a full-width and a half-width letter', 'ａbc', 'abc'],
      ['a look-alike letter of another alphabet', 'аdmin', 'admin'],
    ])('treats %s as different', async (_, one, other) => {
      const domain = `${unique()}.example.com`;
      expect((await client.post('/customers', newCustomer({ email: `${one}@${domain}` }))).status).toBe(201);
      expect((await client.post('/customers', newCustomer({ email: `${other}@${domain}` }))).status).toBe(201);
    });

    it('treats Idempotency-Keys as case-sensitive', async () => {
      const key = `Schluessel-${unique()}`;
      const send = (name: string): Promise<Answer> =>
        client.post('/customers', newCustomer(), { headers: { 'idempotency-key': name } });
      const [one, other] = [await send(key), await send(key.toLowerCase())];
      expect([one.status, other.status]).toEqual([201, 201]);
      expect(other.body.id).not.toBe(one.body.id);
    });
  });
});

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
}

function members(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, 1]));
}
