import { type Answer, at, type Client } from './support/client.js';
import { CustomerFixture, TIME } from './support/customer-fixture.js';
import { onEveryDatabase } from './support/databases.js';
import { newCustomer, startService, type TestService } from './support/service.js';

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

  describe('updating a customer', () => {
    it('changes only the members in the body', async () => {
      const customer = await customers.create({ phone: '+34600123456', company: 'Cruz & Hijos', notes: 'Note' });
      service.clock.forward(1000);
      const body = { name: 'Eva', company: null };
      const { data, response } = await user.crm.PATCH('/customers/{id}', { ...at(customer.id), body });
      expect(response.status).toBe(200);
      expect(data).toEqual({
        ...customer,
        name: 'Eva',
        company: null,
        lastModifiedBy: user.id,
        lastModifiedAt: expect.stringMatching(TIME),
        version: 2,
      });
      expect(data.lastModifiedAt > customer.lastModifiedAt).toBe(true);
      expect(response.headers.get('etag')).toBe('"v2"');
      expect(await customers.rowOf(customer.id)).toMatchObject({
        name: 'Eva',
        surname: customer.surname,
        email: customer.email,
        phone: '+34600123456',
        company: null,
        notes: 'Note',
        created_by: customer.createdBy,
        last_modified_by: user.id,
        last_modified_at: data.lastModifiedAt.replace('T', ' ').slice(0, 23),
        version: 2,
      });
      expect(await user.crm.getCustomer(customer.id)).toEqual(data);
    });

    it('clears optional members with null', async () => {
      const customer = await customers.create({ phone: '+34600123456', company: 'Cruz & Hijos', notes: 'Note' });
      const cleared = await user.crm.updateCustomer(customer, { phone: null, company: null, notes: null });
      expect(cleared).toMatchObject({ phone: null, company: null, notes: null, version: 2 });
      expect(await customers.rowOf(customer.id)).toMatchObject({ phone: null, company: null, notes: null, version: 2 });
    });

    it.each(['email', 'name', 'surname'])('refuses to clear %s, which is required', async (member) => {
      const { id } = await customers.create();
      await customers.expectInvalid([`/${member}`], () =>
        user.patch(`/customers/${id}`, { [member]: null, notes: 'Changed' }),
      );
      await customers.expectInvalid([`/${member}`], () =>
        user.patch(`/customers/${id}`, { [member]: '', notes: 'Changed' }),
      );
    });

    it('writes nothing if no value differs', async () => {
      const customer = await customers.create({ company: 'Cruz & Hijos' });
      const before = await customers.snapshot();
      const { email, name, company } = customer;
      for (const same of [{}, { name }, { email, name, company, phone: null }, { email: ` ${email.toUpperCase()}` }]) {
        const { data, response } = await user.crm.PATCH('/customers/{id}', { ...at(customer.id), body: same });
        expect(response.status).toBe(200);
        expect(data).toEqual(customer);
        expect(response.headers.get('etag')).toBe('"v1"');
      }
      expect(await customers.snapshot()).toEqual(before);
    });

    it('detects changes between letters that the database collation treats as equal', async () => {
      let customer = await customers.create({ name: 'Jose' });
      for (const [index, name] of ['José', 'JOSÉ', 'jose'].entries()) {
        customer = await user.crm.updateCustomer(customer, { name });
        expect(customer).toMatchObject({ name, version: index + 2 });
        expect(await customers.rowOf(customer.id)).toMatchObject({ name, version: index + 2 });
      }
    });

    it('accepts application/merge-patch+json', async () => {
      const { id } = await customers.create({ company: 'Cruz & Hijos' });
      const headers = { 'content-type': 'application/merge-patch+json' };
      const { status, body } = await user.patch(`/customers/${id}`, { company: null }, { headers });
      expect(status).toBe(200);
      expect(body).toMatchObject({ company: null, version: 2 });
      expect(await customers.rowOf(id)).toMatchObject({ company: null, version: 2 });
    });

    it.each(['application/json-patch+json', 'application/x-www-form-urlencoded', 'text/plain'])(
      'refuses a change with the media type %s',
      async (type) => {
        const { id } = await customers.create();
        await customers.expectRefused(415, 'unsupported_media_type', () =>
          user.patch(`/customers/${id}`, 'name=Changed', { headers: { 'content-type': type } }),
        );
      },
    );

    it('refuses an e-mail that another customer has, and accepts an unused one', async () => {
      const { email } = await customers.create();
      const customer = await customers.create();
      await customers.expectRefused(409, 'email_taken', () =>
        user.crm.updateCustomer(customer, { name: 'Changed', email: email.toUpperCase() }),
      );
      const free = newCustomer().email;
      const updated = await user.crm.updateCustomer(customer, { email: ` ${free.toUpperCase()}` });
      expect(updated.email).toBe(free);
      expect(await customers.rowOf(customer.id)).toMatchObject({ email: free, live_email: free, version: 2 });
    });

    it('refuses the whole change if one member is invalid', async () => {
      const customer = await customers.create();
      await customers.expectInvalid(['/phone'], () =>
        user.crm.updateCustomer(customer, { name: 'Changed', phone: 'none' }),
      );
    });

    it.each(['[]', 'null', '"text"'])('refuses %s instead of an object', async (body) => {
      const { id } = await customers.create();
      await customers.expectInvalid([''], () => user.patch(`/customers/${id}`, body));
    });
  });

  describe('If-Match', () => {
    const writes: Array<[string, (id: number, headers: Record<string, string>) => Promise<Answer>, number, boolean]> = [
      ['PATCH', (id, headers) => user.patch(`/customers/${id}`, { name: 'Changed' }, { headers }), 200, false],
      ['DELETE', (id, headers) => user.delete(`/customers/${id}`, { headers }), 204, false],
      ['restore', (id, headers) => user.post(`/customers/${id}/restore`, undefined, { headers }), 200, true],
    ];

    describe.each(writes)('on %s', (_name, write, ok, ofDeleted) => {
      /** Creates a customer at version 2 for this write. */
      async function atVersion2(): Promise<number> {
        if (ofDeleted) return (await customers.createDeleted()).id;
        const { id } = await customers.create();
        await user.patch(`/customers/${id}`, { company: 'Changed' });
        return id;
      }

      it.each(['"v1"', 'W/"v1"', '"v1-gzip"', '"v3"', '"v22"', '"other"', '"v1", "v7"'])(
        'refuses %s, which does not match the version',
        async (tag) => {
          const id = await atVersion2();
          const { body, headers } = await customers.expectRefused(412, 'version_conflict', () =>
            write(id, { 'if-match': tag }),
          );
          expect(body.currentVersion).toBe(2);
          expect(headers.get('etag')).toBe('"v2"');
        },
      );

      it.each(['v2', '2', '"v2', '', '"v2" "v3"', 'W/', "'v2'", '*, "v2"'])(
        'refuses %j, which is not a list of ETags',
        async (tag) => {
          const id = await atVersion2();
          await customers.expectInvalid(['If-Match'], () => write(id, { 'if-match': tag }));
        },
      );

      it.each(['"v2"', 'W/"v2"', '"v2-gzip"', 'W/"v2-gzip"', '"v1", "v2"', '*'])('accepts %s', async (tag) => {
        const id = await atVersion2();
        const { status } = await write(id, { 'if-match': tag });
        expect(status).toBe(ok);
        expect((await customers.rowOf(id)).version).toBe(3);
        expect(await customers.historyOf(id)).toHaveLength(3);
      });
    });

    it('refuses a stale version even if nothing would change', async () => {
      const read = await customers.create();
      await user.crm.updateCustomer(read, { company: 'Changed' });
      await customers.expectRefused(412, 'version_conflict', () => user.crm.updateCustomer(read, { name: read.name }));
    });

    it('responds 404 rather than 412 for a deleted customer', async () => {
      const read = await customers.createDeleted();
      await customers.expectRefused(
        404,
        'customer_not_found',
        () => user.crm.updateCustomer(read, { name: 'Changed' }),
        () => user.crm.deleteCustomer(read),
      );
    });
  });
});
