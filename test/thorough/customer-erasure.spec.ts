import type { Answer, Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { findInDatabase, findInFiles } from '../support/residue.js';
import { keyed } from '../support/rows.js';
import { newCustomer, startService, type TestService, unique } from '../support/service.js';
import { UNKNOWN_ID } from '../support/users.js';

/** A person whose every field contains a text that occurs nowhere else. */
function newPerson(): { values: Record<string, unknown> & { email: string }; traces: string[] } {
  const mark = `zq${unique().replace('-', 'x')}`;
  const phone = `+4917${String(Date.now()).slice(-7)}${mark.length}${Math.floor(Math.random() * 90 + 10)}`.slice(0, 16);
  const values = newCustomer({
    email: `${mark}mail@example.com`,
    name: `${mark}name`,
    surname: `${mark}surname`,
    phone,
    company: `${mark}company`,
    notes: `${mark}notes`,
  });
  return { values, traces: [mark, phone.slice(1)] };
}

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

  const erase = (id: number, client: Client = service.admin): Promise<Answer> => client.post(`/customers/${id}/erase`);

  async function createWithPhoto(values: Record<string, unknown>): Promise<any> {
    const { status, body } = await user.post('/customers', form(values, await anotherJpeg()), keyed(unique()));
    expect(status).toBe(201);
    return body;
  }

  async function expectNoTrace(traces: string[]): Promise<void> {
    for (const trace of traces) {
      expect(await findInDatabase(service, trace)).toEqual([]);
      expect(findInFiles(service.dataDir, trace)).toEqual([]);
    }
  }

  describe('erasing a customer', () => {
    it('leaves a tombstone, and no personal data in the database, its files and the photo storage', async () => {
      const { values, traces } = newPerson();
      const { id, photo } = await createWithPhoto(values);
      for (const name of ['second', 'third'])
        await user.patch(`/customers/${id}`, { name: `${traces[0]}${name}`, notes: `${traces[0]}`.repeat(50) });
      const { photo_key: key } = await customers.rowOf(id);
      expect(await findInDatabase(service, traces[0]!)).not.toEqual([]);
      expect(findInFiles(service.dataDir, key)).not.toEqual([]);

      const { status, body } = await erase(id);
      expect([status, body]).toEqual([204, '']);
      const row = await customers.rowOf(id);
      expect(row).toMatchObject({ is_deleted: 1, version: 4, last_modified_by: 1, photo_key: null, live_email: null });
      expect(row.erased_at).not.toBeNull();
      await expectNoTrace([...traces, key]);
      expect((await fetch(photo.url)).status).toBe(410);
      expect((await customers.query('SELECT * FROM object_removals'))[0]).toBeUndefined();
    });

    it('answers every route of the customer with 410, except its history and erasing again', async () => {
      const { values } = newPerson();
      const { id } = await createWithPhoto(values);
      const other = await customers.create();
      const asOf = service.clock.now().toISOString();
      expect((await erase(id)).status).toBe(204);
      const match = { headers: { 'if-match': '"v9"' } };
      const jpeg = await anotherJpeg();
      const image = { headers: { 'content-type': 'image/jpeg' } };
      await customers.expectRefused(
        410,
        'customer_erased',
        () => user.get(`/customers/${id}`),
        () => user.get(`/customers/${id}`, { headers: { 'if-none-match': '"v1", "v2"' } }),
        () => user.get(`/customers/${id}?asOf=${asOf}`),
        () => user.get(`/customers/${id}?asOf=1999-01-01T00:00:00Z`),
        () => user.patch(`/customers/${id}`, { name: 'Again' }, match),
        () => user.delete(`/customers/${id}`),
        () => user.delete(`/customers/${id}`, match),
        () => user.post(`/customers/${id}/restore`),
        () => user.post(`/customers/${id}/restore`, undefined, match),
        () => user.put(`/customers/${id}/photo`, jpeg, image),
        () => user.delete(`/customers/${id}/photo`, match),
        () => user.post(`/customers/${id}/revert`, { version: 1 }, match),
        () => user.post(`/customers/${id}/revert`, { version: 99 }),
        () => user.post(`/customers/${id}/merge`, { from: other.id }, match),
        () => user.post(`/customers/${id}/merge`, { from: id }),
        () => user.post(`/customers/${other.id}/merge`, { from: id }),
        () => user.post(`/customers/${other.id}/merge`, { from: id }, match),
        () => service.admin.get(`/customers/${id}/personal-data`),
      );
      expect((await erase(id)).status).toBe(204);
      const { data } = (await user.get(`/customers/${id}/history`)).body;
      expect(data).toEqual([
        expect.objectContaining({ version: 2, action: 'erased', by: 1, changes: {} }),
        expect.objectContaining({ version: 1, action: 'created', by: user.id, changes: {} }),
      ]);
    });

    it('hides the customer from every list', async () => {
      const { values } = newPerson();
      const { id } = await customers.create({ ...values });
      await user.delete(`/customers/${id}`);
      const createdBy = 1;
      const before = (await user.get(`/customers?deleted=true&count=true&createdBy=${createdBy}`)).body.page.total
        .value;
      expect((await erase(id)).status).toBe(204);
      for (const query of ['', '&deleted=true', '&deleted=false']) {
        const { data } = (await user.get(`/customers?limit=200${query}`)).body;
        expect(data.map((one: any) => one.id)).not.toContain(id);
      }
      for (const email of [values.email, `erased-${id}@erased.invalid`])
        expect((await user.get(`/customers?deleted=true&email=${email}`)).body.data).toEqual([]);
      const { total } = (await user.get(`/customers?deleted=true&count=true&createdBy=${createdBy}`)).body.page;
      expect(total.value).toBe(before - 1);
    });

    it('frees the e-mail', async () => {
      const { values } = newPerson();
      const { id } = await customers.create(values);
      await erase(id);
      const again = await customers.create(values);
      expect((await user.get(`/customers?email=${values.email}`)).body.data).toEqual([again]);
    });

    it('answers a retry under an old Idempotency-Key with 410, and writes nothing', async () => {
      const { values } = newPerson();
      const [created, merged] = [keyed(unique()), keyed(unique())];
      const { body: customer } = await user.post('/customers', values, created);
      const other = await customers.create();
      const merge = (): Promise<Answer> => user.post(`/customers/${other.id}/merge`, { from: customer.id }, merged);
      expect((await merge()).status).toBe(200);
      await user.post(`/customers/${customer.id}/restore`);
      await erase(customer.id);
      const records = await customers.query('SELECT * FROM idempotency_records WHERE user_id = ?', [user.id]);
      const mine = records.filter((record) => [record.resource_id, record.related_id].includes(customer.id));
      expect(mine.map(({ answer }) => answer)).toEqual([null, null]);
      await customers.expectRefused(410, 'customer_erased', () => user.post('/customers', values, created), merge);
      await customers.expectRefused(422, 'idempotency_key_reused', () =>
        user.post('/customers', { ...values, name: 'Other' }, created),
      );
    });

    it('erases those that were merged into it, directly or through others', async () => {
      const people = [newPerson(), newPerson(), newPerson()];
      const created = await Promise.all(people.map(({ values }) => createWithPhoto(values)));
      const [stays, middle, first] = created.map(({ id }) => id as number);
      const unrelated = await customers.create();
      await user.post(`/customers/${middle}/merge`, { from: first });
      await user.post(`/customers/${stays}/merge`, { from: middle });
      expect((await erase(stays!)).status).toBe(204);
      for (const { traces } of people) await expectNoTrace(traces);
      for (const id of [stays, middle, first]) {
        expect((await user.get(`/customers/${id}`)).status).toBe(410);
        expect((await user.post(`/customers/${id}/restore`)).status).toBe(410);
        expect((await user.get(`/customers/${id}/history`)).body.data[0].action).toBe('erased');
      }
      expect((await user.get(`/customers/${unrelated.id}`)).status).toBe(200);
    });

    it('erases what a restored customer had filled in another one from the history of that one', async () => {
      const { values, traces } = newPerson();
      const other = await createWithPhoto(values);
      const [stays, last] = [await customers.create(), await customers.create()];
      await user.post(`/customers/${stays.id}/merge`, { from: other.id }, keyed(unique()));
      await user.patch(`/customers/${stays.id}`, { name: 'Changed' });
      await user.post(`/customers/${last.id}/merge`, { from: stays.id }, keyed(unique()));
      await user.post(`/customers/${other.id}/restore`);
      await erase(other.id);
      await expectNoTrace(traces);
      expect((await user.get(`/customers/${last.id}`)).status).toBe(200);
      expect((await user.get(`/customers/${stays.id}/history`)).body.data).toHaveLength(5);
      // what does not come from the erased one stays
      expect((await user.get(`/customers/${stays.id}/history`)).body.data[2].changes).toEqual({
        name: ['Ana María', 'Changed'],
      });
    });

    it('leaves a customer alone that the erased one was merged into', async () => {
      const { values } = newPerson();
      const [stays, other] = [await customers.create(), await customers.create(values)];
      await user.post(`/customers/${stays.id}/merge`, { from: other.id });
      await erase(other.id);
      expect((await user.get(`/customers/${stays.id}`)).body).toMatchObject({ phone: values.phone, version: 2 });
      expect((await user.get(`/customers/${other.id}`)).status).toBe(410);
    });

    it('is for admins only, and refuses unknown customers', async () => {
      const { id } = await customers.create();
      await customers.expectRefused(403, 'forbidden', () => erase(id, user));
      await customers.expectRefused(404, 'customer_not_found', () => erase(UNKNOWN_ID));
      await customers.expectInvalid([''], () => service.admin.post(`/customers/${id}/erase`, { confirm: true }));
    });
  });

  describe('the personal data of a customer', () => {
    it('is one document for an admin, with the history and the merged customers', async () => {
      const [person, other] = [newPerson(), newPerson()];
      const { id } = await customers.create({ ...person.values, phone: null });
      const merged = await createWithPhoto(other.values);
      await user.post(`/customers/${id}/merge`, { from: merged.id });
      const { status, body, headers } = await service.admin.get(`/customers/${id}/personal-data`);
      expect(status).toBe(200);
      expect(headers.get('content-disposition')).toBe(`attachment; filename="customer-${id}.json"`);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(body.customer).toEqual((await user.get(`/customers/${id}`)).body);
      expect(body.photoAddresses).toEqual([
        expect.stringMatching(/^photos\/.*\.webp$/),
        expect.stringMatching(/^photos\/.*-256\.webp$/),
      ]);
      expect(body.history).toEqual((await user.get(`/customers/${id}/history`)).body.data);
      expect(body.mergedCustomers).toHaveLength(1);
      expect(body.mergedCustomers[0]).toMatchObject({
        customer: { id: merged.id, ...other.values, mergedInto: id },
        photoAddresses: [],
        history: [{ action: 'merged_into' }, { action: 'created', by: user.id }],
      });
      await customers.expectRefused(403, 'forbidden', () => user.get(`/customers/${id}/personal-data`));
    });

    it('is available while the customer is deleted', async () => {
      const { values } = newPerson();
      const { id } = await createWithPhoto(values);
      await user.delete(`/customers/${id}`);
      const { body } = await service.admin.get(`/customers/${id}/personal-data`);
      expect(body).toMatchObject({ customer: { ...values, photo: null }, mergedCustomers: [] });
      expect(body.photoAddresses).toHaveLength(2);
      await customers.expectRefused(404, 'customer_not_found', () =>
        service.admin.get(`/customers/${UNKNOWN_ID}/personal-data`),
      );
    });

    it('contains every entry of a long history', async () => {
      const { id } = await customers.create();
      const columns = 'resource, resource_id, version, action, changed_by, changed_at, changes';
      for (let version = 2; version <= 450; version++)
        await customers.query(
          `INSERT INTO history (${columns}) VALUES ('customer', ?, ?, 'updated', 1, '2026-01-01 00:00:00.000', '{}')`,
          [id, version],
        );
      const { body } = await service.admin.get(`/customers/${id}/personal-data`);
      expect(body.history.map(({ version }: any) => version)).toEqual(Array.from({ length: 450 }, (_, n) => 450 - n));
    });
  });
});
