import type { Customer } from '../../client/src/index.js';
import { type Answer, at, type Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { photoFile } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import type { CustomersQuery } from '../support/list-fixture.js';
import { refusalOf } from '../support/refusals.js';
import { findInDatabase, findInFiles } from '../support/residue.js';
import { keyed } from '../support/rows.js';
import { type NewCustomer, newCustomer, startService, type TestService, unique } from '../support/service.js';
import { UNKNOWN_ID } from '../support/users.js';

/** A person whose every field contains a text that occurs nowhere else. */
function newPerson(): { values: NewCustomer; traces: string[] } {
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

  const erase = async (id: number, { crm }: Client = service.admin): Promise<void> => {
    const { data, response } = await crm.POST('/customers/{id}/erase', at(id));
    expect([response.status, data]).toEqual([204, undefined]);
  };
  const merge = (id: number, from: number) => user.crm.POST('/customers/{id}/merge', { ...at(id), body: { from } });
  const historyOf = async (id: number) => (await user.crm.GET('/customers/{id}/history', at(id))).data.data;
  const list = async (query: CustomersQuery) => (await user.crm.GET('/customers', { params: { query } })).data;
  const personalDataOf = ({ crm }: Client, id: number) => crm.GET('/customers/{id}/personal-data', at(id));
  const expectErased = async (request: Promise<unknown>): Promise<void> =>
    expect(await refusalOf(request)).toMatchObject({ status: 410, code: 'customer_erased' });

  const createWithPhoto = async (values: NewCustomer): Promise<Customer> =>
    user.crm.createCustomer(values, photoFile(await anotherJpeg()));

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
        await user.crm.PATCH('/customers/{id}', {
          ...at(id),
          body: { name: `${traces[0]}${name}`, notes: `${traces[0]}`.repeat(50) },
        });
      const { photo_key: key } = await customers.rowOf(id);
      expect(await findInDatabase(service, traces[0]!)).not.toEqual([]);
      expect(findInFiles(service.dataDir, key)).not.toEqual([]);

      await erase(id);
      const row = await customers.rowOf(id);
      expect(row).toMatchObject({ is_deleted: 1, version: 4, last_modified_by: 1, photo_key: null, live_email: null });
      expect(row.erased_at).not.toBeNull();
      await expectNoTrace([...traces, key]);
      expect((await fetch(photo!.url)).status).toBe(410);
      expect((await customers.query('SELECT * FROM object_removals'))[0]).toBeUndefined();
    });

    it('answers every route of the customer with 410, except its history and erasing again', async () => {
      const { values } = newPerson();
      const { id } = await createWithPhoto(values);
      const other = await customers.create();
      const asOf = service.clock.now().toISOString();
      await erase(id);
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
      await erase(id);
      expect(await historyOf(id)).toEqual([
        expect.objectContaining({ version: 2, action: 'erased', by: 1, changes: {} }),
        expect.objectContaining({ version: 1, action: 'created', by: user.id, changes: {} }),
      ]);
    });

    it('hides the customer from every list', async () => {
      const { values } = newPerson();
      const customer = await customers.create(values);
      const { id } = customer;
      await user.crm.deleteCustomer(customer);
      const countDeleted = async () => (await list({ deleted: true, count: true, createdBy: 1 })).page.total!.value;
      const before = await countDeleted();
      await erase(id);
      for (const deleted of [undefined, true, false]) {
        const { data } = await list({ limit: 200, deleted });
        expect(data.map((one) => one.id)).not.toContain(id);
      }
      for (const email of [values.email, `erased-${id}@erased.invalid`])
        expect((await list({ deleted: true, email })).data).toEqual([]);
      expect(await countDeleted()).toBe(before - 1);
    });

    it('frees the e-mail', async () => {
      const { values } = newPerson();
      const { id } = await customers.create(values);
      await erase(id);
      const again = await customers.create(values);
      expect((await list({ email: values.email })).data).toEqual([again]);
    });

    it('answers a retry under an old Idempotency-Key with 410, and writes nothing', async () => {
      const { values } = newPerson();
      const [created, merged] = [keyed(unique()), keyed(unique())];
      const { body: customer } = await user.post('/customers', values, created);
      const other = await customers.create();
      const mergeAgain = (): Promise<Answer> =>
        user.post(`/customers/${other.id}/merge`, { from: customer.id }, merged);
      expect((await mergeAgain()).status).toBe(200);
      await user.crm.restoreCustomer(customer.id);
      await erase(customer.id);
      const records = await customers.query('SELECT * FROM idempotency_records WHERE user_id = ?', [user.id]);
      const mine = records.filter((record) => [record.resource_id, record.related_id].includes(customer.id));
      expect(mine.map(({ answer }) => answer)).toEqual([null, null]);
      await customers.expectRefused(410, 'customer_erased', () => user.post('/customers', values, created), mergeAgain);
      await customers.expectRefused(422, 'idempotency_key_reused', () =>
        user.post('/customers', { ...values, name: 'Other' }, created),
      );
    });

    it('erases those that were merged into it, directly or through others', async () => {
      const people = [newPerson(), newPerson(), newPerson()];
      const created = await Promise.all(people.map(({ values }) => createWithPhoto(values)));
      const [stays, middle, first] = created.map(({ id }) => id) as [number, number, number];
      const unrelated = await customers.create();
      await merge(middle, first);
      await merge(stays, middle);
      await erase(stays);
      for (const { traces } of people) await expectNoTrace(traces);
      for (const id of [stays, middle, first]) {
        await expectErased(user.crm.getCustomer(id));
        await expectErased(user.crm.restoreCustomer(id));
        expect((await historyOf(id))[0]!.action).toBe('erased');
      }
      expect(await user.crm.getCustomer(unrelated.id)).toEqual(unrelated);
    });

    it('erases what a restored customer had filled in another one from the history of that one', async () => {
      const { values, traces } = newPerson();
      const other = await createWithPhoto(values);
      const [stays, last] = [await customers.create(), await customers.create()];
      const { data: filled } = await merge(stays.id, other.id);
      await user.crm.updateCustomer(filled, { name: 'Changed' });
      await merge(last.id, stays.id);
      await user.crm.restoreCustomer(other.id);
      await erase(other.id);
      await expectNoTrace(traces);
      expect((await user.crm.getCustomer(last.id)).id).toBe(last.id);
      const entries = await historyOf(stays.id);
      expect(entries).toHaveLength(5);
      // what does not come from the erased one stays
      expect(entries[2]!.changes).toEqual({
        name: ['Ana María', 'Changed'],
      });
    });

    it('leaves a customer alone that the erased one was merged into', async () => {
      const { values } = newPerson();
      const [stays, other] = [await customers.create(), await customers.create(values)];
      await merge(stays.id, other.id);
      await erase(other.id);
      expect(await user.crm.getCustomer(stays.id)).toMatchObject({ phone: values.phone, version: 2 });
      await expectErased(user.crm.getCustomer(other.id));
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
      await merge(id, merged.id);
      const { data, response } = await personalDataOf(service.admin, id);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-disposition')).toBe(`attachment; filename="customer-${id}.json"`);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(data.customer).toEqual(await user.crm.getCustomer(id));
      expect(data.photoAddresses).toEqual([
        expect.stringMatching(/^photos\/.*\.webp$/),
        expect.stringMatching(/^photos\/.*-256\.webp$/),
      ]);
      expect(data.history).toEqual(await historyOf(id));
      expect(data.mergedCustomers).toHaveLength(1);
      expect(data.mergedCustomers[0]).toMatchObject({
        customer: { id: merged.id, ...other.values, mergedInto: id },
        photoAddresses: [],
        history: [{ action: 'merged_into' }, { action: 'created', by: user.id }],
      });
      await customers.expectRefused(403, 'forbidden', () => personalDataOf(user, id));
    });

    it('is available while the customer is deleted', async () => {
      const { values } = newPerson();
      const customer = await createWithPhoto(values);
      await user.crm.deleteCustomer(customer);
      const { data } = await personalDataOf(service.admin, customer.id);
      expect(data).toMatchObject({ customer: { ...values, photo: null }, mergedCustomers: [] });
      expect(data.photoAddresses).toHaveLength(2);
      await customers.expectRefused(404, 'customer_not_found', () => personalDataOf(service.admin, UNKNOWN_ID));
    });

    it('contains every entry of a long history', async () => {
      const { id } = await customers.create();
      const columns = 'resource, resource_id, version, action, changed_by, changed_at, changes';
      for (let version = 2; version <= 450; version++)
        await customers.query(
          `INSERT INTO history (${columns}) VALUES ('customer', ?, ?, 'updated', 1, '2026-01-01 00:00:00.000', '{}')`,
          [id, version],
        );
      const { data } = await personalDataOf(service.admin, id);
      expect(data.history.map(({ version }) => version)).toEqual(Array.from({ length: 450 }, (_, n) => 450 - n));
    });
  });
});
