import { hasOneCase, normalizeEmail } from '../src/text/email.js';
import { MAX_ID } from '../src/validation/fields.js';
import { at, type Client } from './support/client.js';
import { CustomerFixture, TIME } from './support/customer-fixture.js';
import { onEveryDatabase } from './support/databases.js';
import { refusalOf } from './support/refusals.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };
  let customers: CustomerFixture;

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
    customers = new CustomerFixture(service);
  });
  afterAll(() => service.close());

  describe('creating a customer', () => {
    it('responds 201 with the customer, its ETag and its Location', async () => {
      const { data, response } = await service.admin.crm.POST('/customers', {
        body: newCustomer({ company: 'Cruz & Hijos' }),
      });
      expect(response.status).toBe(201);
      expect(data).toMatchObject({ name: 'Ana María', company: 'Cruz & Hijos', phone: null, photo: null, version: 1 });
      expect(response.headers.get('etag')).toBe('"v1"');
      expect(response.headers.get('location')).toBe(`/customers/${data.id}`);
    });

    it('stores every field, the creator and the time', async () => {
      const values = newCustomer({
        name: '👩‍👩‍👧 Ana',
        surname: "O'Neill",
        phone: '+34600123456',
        company: 'Cruz & Hijos',
        notes: 'Calls in the morning.\nNever on Fridays.\t;-- "quoted"',
      });
      const { data, response } = await user.crm.POST('/customers', { body: values });
      expect(response.status).toBe(201);
      expect(data).toEqual({
        ...values,
        id: expect.any(Number),
        mergedInto: null,
        photo: null,
        createdBy: user.id,
        lastModifiedBy: user.id,
        createdAt: expect.stringMatching(TIME),
        lastModifiedAt: data.createdAt,
        version: 1,
        deletedAt: null,
      });
      const time = data.createdAt.replace('T', ' ').slice(0, 23);
      expect(await customers.rowOf(data.id)).toMatchObject({
        ...values,
        created_by: user.id,
        last_modified_by: user.id,
        created_at: time,
        last_modified_at: time,
        is_deleted: 0,
        version: 1,
        deleted_at: null,
        live_email: values.email,
      });
    });

    it('trims and lower-cases the e-mail, and trims names', async () => {
      const name = unique();
      const body = newCustomer({ email: `  Ana.${name}@Example.COM `, name: ' Ana ', company: '\tCruz ' });
      const { data, response } = await user.crm.POST('/customers', { body });
      expect(response.status).toBe(201);
      expect(data).toMatchObject({ email: `ana.${name}@example.com`, name: 'Ana', company: 'Cruz' });
      expect(await customers.rowOf(data.id)).toMatchObject({
        email: `ana.${name}@example.com`,
        name: 'Ana',
        company: 'Cruz',
      });
    });

    it('accepts null for optional members', async () => {
      const { id } = await customers.create({ phone: null, company: null, notes: null });
      expect(await customers.rowOf(id)).toMatchObject({ phone: null, company: null, notes: null });
    });

    it('refuses an e-mail that another customer has, regardless of case and white space', async () => {
      const { email } = await customers.create();
      for (const same of [email, email.toUpperCase(), ` ${email} `])
        await customers.expectRefused(409, 'email_taken', () => user.crm.createCustomer(newCustomer({ email: same })));
    });

    it('compares e-mails byte by byte: an accent makes them different', async () => {
      const name = unique();
      const emails = ['jose', 'josé', 'josè', 'jo\u0301se', 'strase', 'straße', 'strasse'];
      for (const email of emails.map((local) => `${local}.${name}@example.com`)) {
        const { id } = await customers.create({ email });
        expect(await customers.rowOf(id)).toMatchObject({ email, live_email: email });
        await customers.expectRefused(409, 'email_taken', () => user.crm.createCustomer(newCustomer({ email })));
      }
    });

    it('stores e-mails whose lower case is the same in JavaScript and in the database', async () => {
      const letters = Array.from({ length: 0x1_f000 }, (_, code) => String.fromCodePoint(code))
        .filter((letter) => /\p{L}/u.test(letter) && hasOneCase(normalizeEmail(letter)))
        .map(normalizeEmail)
        .join('');
      const lower = kind === 'SQLite' ? 'LOWER(?)' : 'LOWER(CONVERT(? USING utf8mb4) COLLATE utf8mb4_unicode_ci)';
      const [row] = await service.dataSource.query(`SELECT ${lower} AS lower`, [letters]);
      expect(row.lower === letters).toBe(true);
    });

    it.each(['\u212aate', 'd\u0130lara', 'stra\u1e9ee'])(
      'refuses the e-mail %s@…, which is an alias',
      async (local) => {
        const values = newCustomer({ email: `${local}-${unique()}@example.com` });
        const { status, problem } = await refusalOf(user.crm.createCustomer(values));
        const [error] = problem.errors!;
        expect([status, error!.pointer, error!.code]).toEqual([400, '/email', 'invalid_email']);
      },
    );

    it('lists every required member that is missing', async () => {
      await customers.expectInvalid(['/email', '/name', '/surname'], () => user.post('/customers', {}));
      for (const member of ['email', 'name', 'surname'])
        for (const missing of [undefined, null, '', '  '])
          await customers.expectInvalid([`/${member}`], () =>
            user.post('/customers', newCustomer({ [member]: missing })),
          );
    });

    it.each([
      ['id', 1],
      ['createdBy', 1],
      ['lastModifiedBy', 1],
      ['createdAt', '2026-01-01T00:00:00.000Z'],
      ['version', 7],
      ['deletedAt', null],
      ['isDeleted', false],
      ['liveEmail', 'other@example.com'],
      ['photo', null],
      ['photoUrl', 'https://storage.googleapis.com/x/y'],
      ['role', 'admin'],
      ['a/b~c', 1],
      ['toString', 1],
      ['hasOwnProperty', 1],
      ['isPrototypeOf', 1],
      ['__defineGetter__', 1],
    ])('refuses the unknown member %s', async (member, value) => {
      const pointer = `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const { id } = await customers.create();
      await customers.expectInvalid([pointer], () => user.patch(`/customers/${id}`, { [member]: value }));
      await customers.expectInvalid([pointer], () =>
        user.patch(`/customers/${id}`, { name: 'Changed', [member]: value }),
      );
      await customers.expectInvalid([pointer], () => user.post('/customers', newCustomer({ [member]: value })));
    });

    it.each(['__proto__', 'constructor', 'prototype'])('refuses the member %s', async (member) => {
      const body = JSON.stringify(newCustomer()).replace('{', `{"${member}": {"isDeleted": true},`);
      await customers.expectInvalid([`/${member}`], () => user.post('/customers', body));
    });

    it.each([
      ['email', 'not an address'],
      ['email', { $ne: '' }],
      ['email', 0],
      ['email', `${'a'.repeat(120)}@example.com`],
      ['name', ['Ana']],
      ['name', 'a'.repeat(121)],
      ['name', 'Ana\r\nX-Evil: 1'],
      ['surname', true],
      ['phone', '600 123 456'],
      ['phone', '+0123456'],
      ['phone', 34600123456],
      ['company', ''],
      ['company', 'a\u0007b'],
      ['notes', 'a'.repeat(5001)],
      ['notes', 1],
    ])('refuses %s %j', async (member, value) => {
      await customers.expectInvalid([`/${member}`], () => user.post('/customers', newCustomer({ [member]: value })));
    });

    it('counts code points, as the column does', async () => {
      const { id } = await customers.create({ name: '😀'.repeat(120) });
      expect((await customers.rowOf(id)).name).toBe('😀'.repeat(120));
      await customers.expectInvalid(['/name'], () => user.post('/customers', newCustomer({ name: '😀'.repeat(121) })));
    });

    it.each(['[]', 'null', '"text"', '1', 'true'])('refuses %s instead of an object', async (body) => {
      await customers.expectInvalid([''], () => user.post('/customers', body));
    });

    it('refuses a request without a body', async () => {
      await customers.expectInvalid([''], () => user.post('/customers'));
    });

    it('refuses requests without sign-in', async () => {
      await customers.expectRefused(401, 'unauthenticated', () => service.anonymous.crm.createCustomer(newCustomer()));
    });
  });

  describe('reading a customer', () => {
    it('returns the created customer', async () => {
      const customer = await customers.create({ phone: '+34600123456' });
      const { data, response } = await user.crm.GET('/customers/{id}', at(customer.id));
      expect(response.status).toBe(200);
      expect(data).toEqual(customer);
      expect(response.headers.get('etag')).toBe('"v1"');
    });

    it('responds 404 for an id that was never used', async () => {
      await customers.expectRefused(
        404,
        'customer_not_found',
        () => user.crm.getCustomer(MAX_ID),
        () => user.crm.GET('/customers/{id}/history', at(MAX_ID)),
        () => user.crm.PATCH('/customers/{id}', { ...at(MAX_ID), body: { name: 'Changed' } }),
        () => user.crm.DELETE('/customers/{id}', at(MAX_ID)),
        () => user.crm.restoreCustomer(MAX_ID),
      );
    });

    it.each([
      '0',
      '-1',
      '2147483648',
      '9007199254740993',
      '1e3',
      '0x10',
      '1abc',
      '1.0',
      '+1',
      '%201',
      '%31%00',
      'null',
      '01',
    ])('refuses the id %s', async (id) => {
      const { body } = await customers.expectRefused(
        400,
        'invalid_request',
        () => user.get(`/customers/${id}/history`),
        () => user.patch(`/customers/${id}`, { name: 'Changed' }),
        () => user.delete(`/customers/${id}`),
        () => user.post(`/customers/${id}/restore`),
        () => user.get(`/customers/${id}`),
      );
      expect(body.errors).toMatchObject([{ pointer: 'id' }]);
    });

    it.each(['"v1"', 'W/"v1"', '"v1-gzip"', 'W/"v1-gzip"', '"v7", "v1"', '"other",W/"v1"', '*'])(
      'responds 304 to If-None-Match: %s',
      async (known) => {
        const { id } = await customers.create();
        const { status, body, headers } = await user.get(`/customers/${id}`, { headers: { 'if-none-match': known } });
        expect(status).toBe(304);
        expect(body).toBe('');
        expect(headers.get('etag')).toBe('"v1"');
        expect((await customers.rowOf(id)).version).toBe(1);
      },
    );

    it.each(['"v2"', '"v11"', '"other"', 'W/"v01"', 'v1', 'nonsense "'])(
      'responds 200 to If-None-Match: %s',
      async (known) => {
        const customer = await customers.create();
        const answer = await user.get(`/customers/${customer.id}`, { headers: { 'if-none-match': known } });
        expect(answer.status).toBe(200);
        expect(answer.body).toEqual(customer);
      },
    );

    it('responds 200 to the old ETag after a change', async () => {
      const customer = await customers.create();
      await user.crm.updateCustomer(customer, { name: 'Changed' });
      const { status, headers } = await user.get(`/customers/${customer.id}`, { headers: { 'if-none-match': '"v1"' } });
      expect(status).toBe(200);
      expect(headers.get('etag')).toBe('"v2"');
    });

    it('keeps every character of a response with megabytes, which is encoded piece by piece', async () => {
      const company = `many ${unique()}`;
      // two code units each: of all pieces, some begin in the middle of one
      for (let n = 0; n < 40; n++)
        await user.crm.createCustomer(
          newCustomer({ company, name: 'a'.repeat(1 + (n % 2)), notes: '🙂'.repeat(5_000) }),
        );
      const { data, response } = await user.crm.GET('/customers', { params: { query: { company, limit: 200 } } });
      expect(data.data).toHaveLength(40);
      for (const { notes } of data.data) expect(notes === '🙂'.repeat(5_000)).toBe(true);
      expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(JSON.stringify(data))));
    });

    it('names at most 100 invalid parameters', async () => {
      const names = Array.from({ length: 1_800 }, (_, n) => `p${n}`);
      const { status, body } = await service.anonymous.get(`/livez?${names.map((name) => `${name}=1`).join('&')}`);
      expect(status).toBe(400);
      expect(body.errors.map(({ pointer }: any) => pointer)).toEqual(names.slice(0, 100));
      expect(body.detail).toMatch(/p99: Unknown parameter\. This route has no parameters\. And 1700 more\.$/);
    });
  });
});
