import type { Answer, Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const MOST_ID = 2 ** 31 - 1;

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  const query = (sql: string, values: unknown[] = []): Promise<any[]> => service.dataSource.query(sql, values);
  const rowOf = async (id: number): Promise<any> => (await query('SELECT * FROM customers WHERE id = ?', [id]))[0];
  const historyOf = (id: number): Promise<any[]> =>
    query(`SELECT * FROM history WHERE resource = 'customer' AND resource_id = ? ORDER BY version`, [id]);

  async function create(overrides: Record<string, unknown> = {}): Promise<any> {
    const { status, body } = await service.admin.post('/customers', newCustomer(overrides));
    expect(status).toBe(201);
    return body;
  }

  async function createDeleted(overrides: Record<string, unknown> = {}): Promise<any> {
    const customer = await create(overrides);
    expect((await service.admin.delete(`/customers/${customer.id}`)).status).toBe(204);
    return customer;
  }

  /** All that a refused write could have changed: how much there is, and those that this test made. */
  const everything = (): Promise<unknown> =>
    Promise.all([
      query('SELECT COUNT(*) AS customers, SUM(version) AS versions, SUM(is_deleted) AS deleted FROM customers'),
      query('SELECT * FROM customers ORDER BY id DESC LIMIT 5'),
      query('SELECT COUNT(*) AS entries FROM history'),
      query('SELECT COUNT(*) AS records FROM idempotency_records'),
    ]);

  /** Every one of the requests, which together leave no trace; gives the answer to the last. */
  async function expectRefused(
    status: number,
    code: string,
    ...requests: Array<() => Promise<Answer>>
  ): Promise<Answer> {
    const before = await everything();
    let answer!: Answer;
    for (const request of requests) {
      answer = await request();
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
      expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
    }
    expect(await everything()).toEqual(before);
    return answer;
  }

  async function expectInvalid(pointers: string[], request: () => Promise<Answer>): Promise<void> {
    const { body } = await expectRefused(400, 'invalid_request', request);
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(pointers);
  }

  describe('creating', () => {
    it('creates a customer', async () => {
      const { status, body, headers } = await service.admin.post(
        '/customers',
        newCustomer({ company: 'Cruz & Hijos' }),
      );
      expect(status).toBe(201);
      expect(body).toMatchObject({ name: 'Ana María', company: 'Cruz & Hijos', phone: null, photo: null, version: 1 });
      expect(headers.get('etag')).toBe('"v1"');
      expect(headers.get('location')).toBe(`/customers/${body.id}`);
    });

    it('keeps every field, and notes who created it and when', async () => {
      const values = newCustomer({
        name: '👩‍👩‍👧 Ana',
        surname: "O'Neill",
        phone: '+34600123456',
        company: 'Cruz & Hijos',
        notes: 'Calls in the morning.\nNever on Fridays.\t;-- "quoted"',
      });
      const { status, body } = await user.post('/customers', values);
      expect(status).toBe(201);
      expect(body).toEqual({
        ...values,
        id: expect.any(Number),
        photo: null,
        createdBy: user.id,
        lastModifiedBy: user.id,
        createdAt: expect.stringMatching(TIME),
        lastModifiedAt: body.createdAt,
        version: 1,
        deletedAt: null,
      });
      const time = body.createdAt.replace('T', ' ').slice(0, 23);
      expect(await rowOf(body.id)).toMatchObject({
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
      const { status, body } = await user.post(
        '/customers',
        newCustomer({ email: `  Ana.${name}@Example.COM `, name: ' Ana ', company: '\tCruz ' }),
      );
      expect(status).toBe(201);
      expect(body).toMatchObject({ email: `ana.${name}@example.com`, name: 'Ana', company: 'Cruz' });
      expect(await rowOf(body.id)).toMatchObject({ email: `ana.${name}@example.com`, name: 'Ana', company: 'Cruz' });
    });

    it('takes null for what is optional', async () => {
      const { id } = await create({ phone: null, company: null, notes: null });
      expect(await rowOf(id)).toMatchObject({ phone: null, company: null, notes: null });
    });

    it('refuses an e-mail that is taken, also in other letters and with space around it', async () => {
      const { email } = await create();
      for (const same of [email, email.toUpperCase(), ` ${email} `])
        await expectRefused(409, 'email_taken', () => user.post('/customers', newCustomer({ email: same })));
    });

    it('compares e-mails as bytes: an accent makes another one', async () => {
      const name = unique();
      const emails = ['jose', 'josé', 'josè', 'jo\u0301se', 'strase', 'straße', 'strasse'];
      for (const email of emails.map((local) => `${local}.${name}@example.com`)) {
        const { id } = await create({ email });
        expect(await rowOf(id)).toMatchObject({ email, live_email: email });
        await expectRefused(409, 'email_taken', () => user.post('/customers', newCustomer({ email })));
      }
    });

    it('names every required member that is missing', async () => {
      await expectInvalid(['/email', '/name', '/surname'], () => user.post('/customers', {}));
      for (const member of ['email', 'name', 'surname'])
        for (const missing of [undefined, null, '', '  '])
          await expectInvalid([`/${member}`], () => user.post('/customers', newCustomer({ [member]: missing })));
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
      const { id } = await create();
      await expectInvalid([pointer], () => user.patch(`/customers/${id}`, { [member]: value }));
      await expectInvalid([pointer], () => user.patch(`/customers/${id}`, { name: 'Changed', [member]: value }));
      await expectInvalid([pointer], () => user.post('/customers', newCustomer({ [member]: value })));
    });

    it.each(['__proto__', 'constructor', 'prototype'])('refuses the member %s', async (member) => {
      const body = JSON.stringify(newCustomer()).replace('{', `{"${member}": {"isDeleted": true},`);
      await expectInvalid([`/${member}`], () => user.post('/customers', body));
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
      await expectInvalid([`/${member}`], () => user.post('/customers', newCustomer({ [member]: value })));
    });

    it('counts code points as the column does', async () => {
      const { id } = await create({ name: '😀'.repeat(120) });
      expect((await rowOf(id)).name).toBe('😀'.repeat(120));
      await expectInvalid(['/name'], () => user.post('/customers', newCustomer({ name: '😀'.repeat(121) })));
    });

    it.each(['[]', 'null', '"text"', '1', 'true'])('refuses %s instead of an object', async (body) => {
      await expectInvalid([''], () => user.post('/customers', body));
    });

    it('refuses a request without a body', async () => {
      await expectInvalid([''], () => user.post('/customers'));
    });

    it('refuses those who are not signed in', async () => {
      await expectRefused(401, 'unauthenticated', () => service.anonymous.post('/customers', newCustomer()));
    });
  });

  describe('reading', () => {
    it('answers with what was created', async () => {
      const customer = await create({ phone: '+34600123456' });
      const { status, body, headers } = await user.get(`/customers/${customer.id}`);
      expect(status).toBe(200);
      expect(body).toEqual(customer);
      expect(headers.get('etag')).toBe('"v1"');
    });

    it('knows no customer that was never created', async () => {
      await expectRefused(
        404,
        'customer_not_found',
        () => user.get(`/customers/${MOST_ID}`),
        () => user.get(`/customers/${MOST_ID}/history`),
        () => user.patch(`/customers/${MOST_ID}`, { name: 'Changed' }),
        () => user.delete(`/customers/${MOST_ID}`),
        () => user.post(`/customers/${MOST_ID}/restore`),
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
      const { body } = await expectRefused(
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
      'answers 304 if the client has %s already',
      async (known) => {
        const { id } = await create();
        const { status, body, headers } = await user.get(`/customers/${id}`, { headers: { 'if-none-match': known } });
        expect(status).toBe(304);
        expect(body).toBe('');
        expect(headers.get('etag')).toBe('"v1"');
        expect((await rowOf(id)).version).toBe(1);
      },
    );

    it.each(['"v2"', '"v11"', '"other"', 'W/"v01"', 'v1', 'nonsense "'])(
      'answers in full if the client has %s',
      async (known) => {
        const customer = await create();
        const answer = await user.get(`/customers/${customer.id}`, { headers: { 'if-none-match': known } });
        expect(answer.status).toBe(200);
        expect(answer.body).toEqual(customer);
      },
    );

    it('answers in full again after a change', async () => {
      const { id } = await create();
      await user.patch(`/customers/${id}`, { name: 'Changed' });
      const { status, headers } = await user.get(`/customers/${id}`, { headers: { 'if-none-match': '"v1"' } });
      expect(status).toBe(200);
      expect(headers.get('etag')).toBe('"v2"');
    });
  });

  describe('changing', () => {
    it('changes the members that are sent and no others', async () => {
      const customer = await create({ phone: '+34600123456', company: 'Cruz & Hijos', notes: 'Note' });
      service.clock.forward(1000);
      const { status, body, headers } = await user.patch(`/customers/${customer.id}`, { name: 'Eva', company: null });
      expect(status).toBe(200);
      expect(body).toEqual({
        ...customer,
        name: 'Eva',
        company: null,
        lastModifiedBy: user.id,
        lastModifiedAt: expect.stringMatching(TIME),
        version: 2,
      });
      expect(body.lastModifiedAt > customer.lastModifiedAt).toBe(true);
      expect(headers.get('etag')).toBe('"v2"');
      expect(await rowOf(customer.id)).toMatchObject({
        name: 'Eva',
        surname: customer.surname,
        email: customer.email,
        phone: '+34600123456',
        company: null,
        notes: 'Note',
        created_by: customer.createdBy,
        last_modified_by: user.id,
        last_modified_at: body.lastModifiedAt.replace('T', ' ').slice(0, 23),
        version: 2,
      });
      expect((await user.get(`/customers/${customer.id}`)).body).toEqual(body);
    });

    it('clears what is optional with null', async () => {
      const { id } = await create({ phone: '+34600123456', company: 'Cruz & Hijos', notes: 'Note' });
      const { status, body } = await user.patch(`/customers/${id}`, { phone: null, company: null, notes: null });
      expect(status).toBe(200);
      expect(body).toMatchObject({ phone: null, company: null, notes: null, version: 2 });
      expect(await rowOf(id)).toMatchObject({ phone: null, company: null, notes: null, version: 2 });
    });

    it.each(['email', 'name', 'surname'])('refuses to clear %s, which is required', async (member) => {
      const { id } = await create();
      await expectInvalid([`/${member}`], () => user.patch(`/customers/${id}`, { [member]: null, notes: 'Changed' }));
      await expectInvalid([`/${member}`], () => user.patch(`/customers/${id}`, { [member]: '', notes: 'Changed' }));
    });

    it('changes nothing if every member has its value already', async () => {
      const customer = await create({ company: 'Cruz & Hijos' });
      const before = await everything();
      const { email, name, company } = customer;
      for (const same of [{}, { name }, { email, name, company, phone: null }, { email: ` ${email.toUpperCase()}` }]) {
        const { status, body, headers } = await user.patch(`/customers/${customer.id}`, same);
        expect(status).toBe(200);
        expect(body).toEqual(customer);
        expect(headers.get('etag')).toBe('"v1"');
      }
      expect(await everything()).toEqual(before);
    });

    it('tells letters apart that the database holds for equal', async () => {
      const { id } = await create({ name: 'Jose' });
      for (const [index, name] of ['José', 'JOSÉ', 'jose'].entries()) {
        const { body } = await user.patch(`/customers/${id}`, { name });
        expect(body).toMatchObject({ name, version: index + 2 });
        expect(await rowOf(id)).toMatchObject({ name, version: index + 2 });
      }
    });

    it('takes application/merge-patch+json', async () => {
      const { id } = await create({ company: 'Cruz & Hijos' });
      const headers = { 'content-type': 'application/merge-patch+json' };
      const { status, body } = await user.patch(`/customers/${id}`, { company: null }, { headers });
      expect(status).toBe(200);
      expect(body).toMatchObject({ company: null, version: 2 });
      expect(await rowOf(id)).toMatchObject({ company: null, version: 2 });
    });

    it.each(['application/json-patch+json', 'application/x-www-form-urlencoded', 'text/plain'])(
      'refuses a change as %s',
      async (type) => {
        const { id } = await create();
        await expectRefused(415, 'unsupported_media_type', () =>
          user.patch(`/customers/${id}`, 'name=Changed', { headers: { 'content-type': type } }),
        );
      },
    );

    it('refuses an e-mail that another customer has, and takes a free one', async () => {
      const { email } = await create();
      const { id } = await create();
      await expectRefused(409, 'email_taken', () =>
        user.patch(`/customers/${id}`, { name: 'Changed', email: email.toUpperCase() }),
      );
      const free = newCustomer().email;
      const { status, body } = await user.patch(`/customers/${id}`, { email: ` ${free.toUpperCase()}` });
      expect(status).toBe(200);
      expect(body.email).toBe(free);
      expect(await rowOf(id)).toMatchObject({ email: free, live_email: free, version: 2 });
    });

    it('refuses the whole change if one member is not valid', async () => {
      const { id } = await create();
      await expectInvalid(['/phone'], () => user.patch(`/customers/${id}`, { name: 'Changed', phone: 'none' }));
    });

    it.each(['[]', 'null', '"text"'])('refuses %s instead of an object', async (body) => {
      const { id } = await create();
      await expectInvalid([''], () => user.patch(`/customers/${id}`, body));
    });
  });

  describe('If-Match', () => {
    const writes: Array<[string, (id: number, headers: Record<string, string>) => Promise<Answer>, number, boolean]> = [
      ['PATCH', (id, headers) => user.patch(`/customers/${id}`, { name: 'Changed' }, { headers }), 200, false],
      ['DELETE', (id, headers) => user.delete(`/customers/${id}`, { headers }), 204, false],
      ['restore', (id, headers) => user.post(`/customers/${id}/restore`, undefined, { headers }), 200, true],
    ];

    describe.each(writes)('on %s', (_name, write, ok, ofDeleted) => {
      /** At version 2, ready for this write. */
      async function atVersion2(): Promise<number> {
        if (ofDeleted) return (await createDeleted()).id;
        const { id } = await create();
        await user.patch(`/customers/${id}`, { company: 'Changed' });
        return id;
      }

      it.each(['"v1"', 'W/"v1"', '"v1-gzip"', '"v3"', '"v22"', '"other"', '"v1", "v7"'])(
        'refuses %s, which is not its version',
        async (tag) => {
          const id = await atVersion2();
          const { body, headers } = await expectRefused(412, 'version_conflict', () => write(id, { 'if-match': tag }));
          expect(body.currentVersion).toBe(2);
          expect(headers.get('etag')).toBe('"v2"');
        },
      );

      it.each(['v2', '2', '"v2', '', '"v2" "v3"', 'W/', "'v2'", '*, "v2"'])(
        'refuses %j, which is no tag',
        async (tag) => {
          const id = await atVersion2();
          await expectInvalid(['If-Match'], () => write(id, { 'if-match': tag }));
        },
      );

      it.each(['"v2"', 'W/"v2"', '"v2-gzip"', 'W/"v2-gzip"', '"v1", "v2"', '*'])('goes ahead with %s', async (tag) => {
        const id = await atVersion2();
        const { status } = await write(id, { 'if-match': tag });
        expect(status).toBe(ok);
        expect((await rowOf(id)).version).toBe(3);
        expect(await historyOf(id)).toHaveLength(3);
      });
    });

    it('refuses a stale version even if nothing would change', async () => {
      const { id, name } = await create();
      await user.patch(`/customers/${id}`, { company: 'Changed' });
      await expectRefused(412, 'version_conflict', () =>
        user.patch(`/customers/${id}`, { name }, { headers: { 'if-match': '"v1"' } }),
      );
    });

    it('says 404 rather than 412 of a customer that was deleted', async () => {
      const { id } = await createDeleted();
      const headers = { 'if-match': '"v1"' };
      await expectRefused(404, 'customer_not_found', () =>
        user.patch(`/customers/${id}`, { name: 'Changed' }, { headers }),
      );
      await expectRefused(404, 'customer_not_found', () => user.delete(`/customers/${id}`, { headers }));
    });
  });

  describe('deleting and restoring', () => {
    it('deletes softly: the customer is gone and the row stays', async () => {
      const customer = await create({ notes: 'Note' });
      service.clock.forward(1000);
      const { status, body } = await user.delete(`/customers/${customer.id}`);
      expect(status).toBe(204);
      expect(body).toBe('');
      const row = await rowOf(customer.id);
      expect(row).toMatchObject({
        email: customer.email,
        notes: 'Note',
        is_deleted: 1,
        last_modified_by: user.id,
        version: 2,
        live_email: null,
      });
      expect(row.deleted_at > row.created_at).toBe(true);
      expect(row.deleted_at <= row.last_modified_at).toBe(true);
      await expectRefused(
        404,
        'customer_not_found',
        () => user.get(`/customers/${customer.id}`),
        () => user.patch(`/customers/${customer.id}`, { name: 'Changed' }),
        () => user.delete(`/customers/${customer.id}`),
      );
    });

    it('restores a deleted customer', async () => {
      const customer = await createDeleted({ phone: '+34600123456', notes: 'Note' });
      service.clock.forward(1000);
      const { status, body, headers } = await user.post(`/customers/${customer.id}/restore`);
      expect(status).toBe(200);
      expect(body).toEqual({
        ...customer,
        lastModifiedBy: user.id,
        lastModifiedAt: expect.stringMatching(TIME),
        version: 3,
      });
      expect(headers.get('etag')).toBe('"v3"');
      expect(headers.get('location')).toBeNull();
      expect(await rowOf(customer.id)).toMatchObject({
        is_deleted: 0,
        deleted_at: null,
        version: 3,
        live_email: customer.email,
      });
      expect((await user.get(`/customers/${customer.id}`)).body).toEqual(body);
    });

    it('changes nothing when it restores one that is not deleted', async () => {
      const customer = await create();
      const before = await everything();
      const { status, body } = await user.post(`/customers/${customer.id}/restore`, {});
      expect(status).toBe(200);
      expect(body).toEqual(customer);
      expect(await everything()).toEqual(before);
    });

    it('refuses a body with a restore', async () => {
      const { id } = await createDeleted();
      await expectInvalid([''], () => user.post(`/customers/${id}/restore`, { name: 'Changed' }));
    });

    it('frees the e-mail of a deleted customer, and refuses to restore when it was taken', async () => {
      const deleted = await createDeleted();
      const successor = await create({ email: deleted.email });
      await expectRefused(409, 'email_taken', () => user.post(`/customers/${deleted.id}/restore`));
      expect(await rowOf(deleted.id)).toMatchObject({ is_deleted: 1, version: 2 });

      await user.patch(`/customers/${successor.id}`, { email: newCustomer().email });
      const { status, body } = await user.post(`/customers/${deleted.id}/restore`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ email: deleted.email, version: 3 });
      expect(await rowOf(deleted.id)).toMatchObject({ is_deleted: 0, version: 3 });
    });

    it('lets any number of deleted customers have one e-mail', async () => {
      const { email } = await createDeleted();
      await createDeleted({ email });
      await create({ email });
      const rows = await query('SELECT is_deleted FROM customers WHERE email = ? ORDER BY id', [email]);
      expect(rows.map((row) => row.is_deleted)).toEqual([1, 1, 0]);
    });
  });

  describe('history', () => {
    it('tells newest first who did what, when and by which request', async () => {
      const requestId = `test-${unique()}`;
      const request = (n: number): { headers: Record<string, string> } => ({
        headers: { 'x-request-id': `${requestId}.${n}` },
      });
      const values = newCustomer({ company: 'Cruz & Hijos' });
      const created = await service.admin.post('/customers', values, request(1));
      const { id, createdBy, createdAt } = created.body;
      expect(created.headers.get('x-request-id')).toBe(`${requestId}.1`);
      const changes = { name: 'Eva', company: null, phone: '+34600123456', surname: values.surname };
      const updated = await user.patch(`/customers/${id}`, changes, request(2));
      await user.delete(`/customers/${id}`, request(3));
      const restored = await service.admin.post(`/customers/${id}/restore`, undefined, request(4));
      const deletedAt = expect.stringMatching(TIME);

      const { status, body } = await user.get(`/customers/${id}/history`);
      expect(status).toBe(200);
      expect(body).toEqual({
        data: [
          {
            version: 4,
            action: 'restored',
            by: createdBy,
            at: restored.body.lastModifiedAt,
            requestId: `${requestId}.4`,
            changes: { deletedAt: [deletedAt, null] },
          },
          {
            version: 3,
            action: 'deleted',
            by: user.id,
            at: deletedAt,
            requestId: `${requestId}.3`,
            changes: { deletedAt: [null, deletedAt] },
          },
          {
            version: 2,
            action: 'updated',
            by: user.id,
            at: updated.body.lastModifiedAt,
            requestId: `${requestId}.2`,
            changes: { name: [values.name, 'Eva'], company: ['Cruz & Hijos', null], phone: [null, '+34600123456'] },
          },
          {
            version: 1,
            action: 'created',
            by: createdBy,
            at: createdAt,
            requestId: `${requestId}.1`,
            changes: {
              email: [null, values.email],
              name: [null, values.name],
              surname: [null, values.surname],
              company: [null, 'Cruz & Hijos'],
            },
          },
        ],
        page: { next: null },
      });
      expect((await historyOf(id)).map((entry) => [entry.version, entry.action, entry.request_id])).toEqual([
        [1, 'created', `${requestId}.1`],
        [2, 'updated', `${requestId}.2`],
        [3, 'deleted', `${requestId}.3`],
        [4, 'restored', `${requestId}.4`],
      ]);
    });

    it('notes the id that it gave a request whose own was not sane', async () => {
      const headers = { 'x-request-id': `${'x'.repeat(65)}` };
      const { body, headers: answered } = await user.post('/customers', newCustomer(), { headers });
      const [entry] = (await user.get(`/customers/${body.id}/history`)).body.data;
      expect(entry.requestId).toMatch(/^[\da-f-]{36}$/);
      expect(entry.requestId).toBe(answered.get('x-request-id'));
    });

    it('is there for a deleted customer as well', async () => {
      const { id } = await createDeleted();
      const { status, body } = await user.get(`/customers/${id}/history`);
      expect(status).toBe(200);
      expect(body.data.map((entry: any) => entry.action)).toEqual(['deleted', 'created']);
    });

    it('is paged, and an entry that comes in between repeats nothing', async () => {
      const { id } = await create();
      for (let n = 2; n <= 5; n++) await user.patch(`/customers/${id}`, { name: `Name ${n}` });

      const first = await user.get(`/customers/${id}/history?limit=2`);
      expect(first.body.data.map((entry: any) => entry.version)).toEqual([5, 4]);
      expect(first.headers.get('link')).toBe(
        `</customers/${id}/history?limit=2&cursor=${first.body.page.next}>; rel="next"`,
      );
      await user.patch(`/customers/${id}`, { name: 'In between' });
      const second = await user.get(`/customers/${id}/history?limit=2&cursor=${first.body.page.next}`);
      expect(second.body.data.map((entry: any) => entry.version)).toEqual([3, 2]);
      const third = await user.get(`/customers/${id}/history?limit=2&cursor=${second.body.page.next}`);
      expect(third.body.data.map((entry: any) => entry.version)).toEqual([1]);
      expect(third.body.page.next).toBeNull();
      expect(third.headers.get('link')).toBeNull();
    });

    it.each([
      'limit=0',
      'limit=201',
      'limit=abc',
      'cursor=0',
      'cursor=abc',
      'cursor=-1',
      'cursor=1e3',
      'sort=-id',
      'x=1',
    ])('refuses ?%s', async (parameter) => {
      const { id } = await create();
      await expectInvalid([parameter.split('=', 1)[0]!], () => user.get(`/customers/${id}/history?${parameter}`));
    });
  });
});
