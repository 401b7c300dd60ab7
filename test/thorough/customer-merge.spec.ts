import type { Customer } from '../../client/src/index.js';
import { type Answer, at, type Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { photoFile } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { refusalOf } from '../support/refusals.js';
import { keyed } from '../support/rows.js';
import { type NewCustomer, newCustomer, startService, type TestService, unique } from '../support/service.js';
import { UNKNOWN_ID } from '../support/users.js';

const LEGACY_PHOTO = 'https://storage.googleapis.com/others/aB3dE5fG7hJ9kL1m';

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

  const merge = (id: number, from: number) => user.crm.POST('/customers/{id}/merge', { ...at(id), body: { from } });
  const mergeWith = (headers: Record<string, string>, id: number, from: number): Promise<Answer> =>
    user.post(`/customers/${id}/merge`, { from }, { headers });
  const restoreWith = (headers: Record<string, string>, id: number): Promise<Answer> =>
    user.post(`/customers/${id}/restore`, undefined, { headers });
  const restore = (id: number): Promise<Customer> => user.crm.restoreCustomer(id);
  const get = (id: number): Promise<Customer> => user.crm.getCustomer(id);
  const set = (id: number, body: Partial<NewCustomer>) => user.crm.PATCH('/customers/{id}', { ...at(id), body });
  /** Action and changes of the newest entry. */
  const lastOf = async (id: number): Promise<[string, Record<string, unknown>]> => {
    const params = { path: { id }, query: { limit: 1 } };
    const [entry] = (await user.crm.GET('/customers/{id}/history', { params })).data.data;
    return [entry!.action, entry!.changes];
  };

  const createWithPhoto = async (overrides: Partial<NewCustomer> = {}): Promise<Customer> =>
    user.crm.createCustomer(newCustomer(overrides), photoFile(await anotherJpeg()));
  const isServed = async (url: string): Promise<boolean> => (await fetch(url)).status === 200;

  const FULL = { phone: '+34600123456', company: 'Cruz & Hijos', notes: 'Calls in the morning.' };

  describe('merging two customers', () => {
    it('fills the empty fields and deletes the other one', async () => {
      const stays = await customers.create({ company: 'ACME', notes: '' });
      const other = await createWithPhoto({ ...FULL, name: 'Another', surname: 'Name' });
      const { data: merged, response } = await merge(stays.id, other.id);
      expect(response.status).toBe(200);
      expect(merged).toMatchObject({
        id: stays.id,
        email: stays.email,
        name: stays.name,
        surname: stays.surname,
        phone: FULL.phone,
        company: 'ACME',
        notes: FULL.notes,
        version: 2,
        mergedInto: null,
        deletedAt: null,
        lastModifiedBy: user.id,
      });
      expect(response.headers.get('etag')).toBe('"v2"');
      expect(await isServed(merged.photo!.url)).toBe(true);
      expect(await isServed(merged.photo!.thumbnailUrl)).toBe(true);
      expect(await get(stays.id)).toEqual(merged);

      expect((await refusalOf(get(other.id))).status).toBe(404);
      expect(await isServed(other.photo!.url)).toBe(false);
      const query = { deleted: true, email: other.email };
      const { data } = await user.crm.GET('/customers', { params: { query } });
      expect(data.data).toEqual([expect.objectContaining({ id: other.id, mergedInto: stays.id, version: 2 })]);
      const [action, changes] = await lastOf(stays.id);
      expect(action).toBe('merged');
      expect(changes).toEqual({
        phone: [null, FULL.phone],
        notes: ['', FULL.notes],
        photo: [null, expect.any(String)],
      });
      const [otherAction, otherChanges] = await lastOf(other.id);
      expect(otherAction).toBe('merged_into');
      expect(otherChanges).toEqual({
        deletedAt: [null, expect.any(String)],
        mergedInto: [null, stays.id],
        photo: [expect.any(String), null],
      });
    });

    it('creates a new version of both even if there is nothing to fill', async () => {
      const [stays, other] = [await customers.create(FULL), await customers.create(FULL)];
      expect((await merge(stays.id, other.id)).data).toMatchObject({ ...FULL, version: 2 });
      expect(await lastOf(stays.id)).toEqual(['merged', {}]);
      expect(await customers.rowOf(other.id)).toMatchObject({ version: 2, is_deleted: 1, merged_into: stays.id });
      expect(await customers.historyOf(stays.id)).toHaveLength(2);
      expect(await customers.historyOf(other.id)).toHaveLength(2);
    });

    it('takes over a photo of the Flask service, and keeps a photo that is there', async () => {
      const [stays, other] = [await customers.create(), await customers.create()];
      await customers.query('UPDATE customers SET photo_url = ? WHERE id = ?', [LEGACY_PHOTO, other.id]);
      expect((await merge(stays.id, other.id)).data.photo).toMatchObject({ url: LEGACY_PHOTO });
      expect((await customers.rowOf(other.id)).photo_url).toBeNull();
      const third = await createWithPhoto();
      expect((await merge(stays.id, third.id)).data.photo).toMatchObject({ url: LEGACY_PHOTO });
      const { photo } = await restore(third.id);
      expect(await isServed(photo!.url)).toBe(true);
      expect((await restore(other.id)).photo).toMatchObject({ url: LEGACY_PHOTO });
      expect((await get(stays.id)).photo).toBeNull();
    });

    it('honours If-Match for the customer that stays', async () => {
      const [stays, other] = [await customers.create(), await customers.create(FULL)];
      await set(other.id, { name: 'Version 2' });
      await customers.expectRefused(412, 'version_conflict', () =>
        mergeWith({ 'if-match': '"v2"' }, stays.id, other.id),
      );
      expect((await mergeWith({ 'if-match': 'W/"v1"' }, stays.id, other.id)).status).toBe(200);
    });

    it('refuses itself, and customers that do not exist', async () => {
      const customer = await customers.create();
      const deleted = await customers.createDeleted();
      await customers.expectInvalid(['/from'], () => merge(customer.id, customer.id));
      for (const from of [0, -1, 1.5, '7', null, 2 ** 31, [1], {}])
        await customers.expectInvalid(['/from'], () => user.post(`/customers/${customer.id}/merge`, { from }));
      await customers.expectInvalid(['/from'], () => user.post(`/customers/${customer.id}/merge`, {}));
      await customers.expectInvalid(['/into'], () =>
        user.post(`/customers/${customer.id}/merge`, { from: deleted.id, into: 1 }),
      );
      await customers.expectRefused(
        404,
        'customer_not_found',
        () => merge(customer.id, UNKNOWN_ID),
        () => merge(customer.id, deleted.id),
        () => merge(UNKNOWN_ID, customer.id),
        () => merge(deleted.id, customer.id),
        () => merge(deleted.id, deleted.id),
        () => mergeWith({ 'if-match': '"v9"' }, deleted.id, customer.id),
      );
    });

    it('returns the first answer to a retry with the same Idempotency-Key', async () => {
      const [stays, other] = [await customers.create(), await createWithPhoto(FULL)];
      const { headers } = keyed(unique());
      const first = await mergeWith(headers, stays.id, other.id);
      await set(stays.id, { phone: null });
      const again = await mergeWith(headers, stays.id, other.id);
      expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('etag')).toBe('"v2"');
      expect(await customers.historyOf(stays.id)).toHaveLength(3);
      const third = await customers.create();
      await customers.expectRefused(422, 'idempotency_key_reused', () => mergeWith(headers, stays.id, third.id));
      // without the key the other one is deleted already
      await customers.expectRefused(404, 'customer_not_found', () => merge(stays.id, other.id));
    });
  });

  describe('restoring a merged customer', () => {
    it('undoes the fill of the fields that have not changed since', async () => {
      const [stays, other] = [await customers.create({ notes: '' }), await createWithPhoto(FULL)];
      const { data: merged } = await merge(stays.id, other.id);
      await set(stays.id, { company: 'ACME' });
      service.clock.forward(1000);
      const restored = await restore(other.id);
      expect(restored).toMatchObject({ ...FULL, email: other.email, version: 3, deletedAt: null, mergedInto: null });
      expect(await isServed(restored.photo!.url)).toBe(true);
      expect(await isServed(merged.photo!.url)).toBe(false);
      expect(await get(stays.id)).toMatchObject({
        phone: null,
        company: 'ACME',
        notes: '',
        photo: null,
        version: 4,
        lastModifiedBy: user.id,
      });
      expect(await lastOf(stays.id)).toEqual([
        'unmerged',
        { phone: [FULL.phone, null], notes: [FULL.notes, ''], photo: [expect.any(String), null] },
      ]);
      expect((await lastOf(other.id))[0]).toBe('restored');
    });

    it('keeps a field that was changed and set to the same value again', async () => {
      const [stays, other] = [await customers.create(), await createWithPhoto(FULL)];
      await merge(stays.id, other.id);
      await set(stays.id, { phone: null });
      const { data } = await set(stays.id, { phone: FULL.phone });
      await user.crm.setPhoto(data, photoFile(await anotherJpeg()));
      expect((await restore(other.id)).photo).toBeNull();
      const kept = await get(stays.id);
      expect(kept).toMatchObject({ phone: FULL.phone, company: null, notes: null });
      expect(await isServed(kept.photo!.url)).toBe(true);
    });

    it('knows what was filled after a revert', async () => {
      const [stays, other] = [await customers.create(), await customers.create(FULL)];
      await merge(stays.id, other.id);
      await user.crm.POST('/customers/{id}/revert', { ...at(stays.id), body: { version: 1 } });
      await set(stays.id, { company: FULL.company });
      await restore(other.id);
      expect(await get(stays.id)).toMatchObject({ phone: null, company: FULL.company, notes: null });
    });

    it('changes nothing if the e-mail was taken meanwhile, or If-Match is stale', async () => {
      const [stays, other] = [await customers.create(), await createWithPhoto(FULL)];
      await merge(stays.id, other.id);
      await customers.expectRefused(412, 'version_conflict', () => restoreWith({ 'if-match': '"v1"' }, other.id));
      const successor = await customers.create({ email: other.email });
      await customers.expectRefused(409, 'email_taken', () => restoreWith({ 'if-match': '"v2"' }, other.id));
      const { photo } = await get(stays.id);
      expect(await isServed(photo!.url)).toBe(true);
      await user.crm.deleteCustomer(successor);
      expect(await restore(other.id)).toMatchObject({ version: 3, deletedAt: null });
    });

    it('undoes the fill of a customer that was deleted meanwhile', async () => {
      const [stays, other] = [await customers.create(), await createWithPhoto(FULL)];
      await merge(stays.id, other.id);
      await user.crm.DELETE('/customers/{id}', at(stays.id));
      const { photo } = await restore(other.id);
      expect(await isServed(photo!.url)).toBe(true);
      expect(await restore(stays.id)).toMatchObject({ phone: null, company: null, notes: null, photo: null });
    });

    it('follows the values to a customer that the first one was merged into', async () => {
      const [first, second, third] = [await createWithPhoto(FULL), await customers.create(), await customers.create()];
      await merge(second.id, first.id);
      const { data: merged } = await merge(third.id, second.id);
      expect(merged).toMatchObject(FULL);
      const { photo } = await restore(first.id);
      expect(await isServed(photo!.url)).toBe(true);
      expect(await get(third.id)).toMatchObject({ phone: null, company: null, notes: null, photo: null, version: 3 });
      expect(await restore(second.id)).toMatchObject({ phone: null, company: null, notes: null, photo: null });
      expect(await get(third.id)).toMatchObject({ version: 4 });
    });

    it('undoes two merges in the order in which they were made', async () => {
      const [first, second, third] = [await createWithPhoto(FULL), await customers.create(), await customers.create()];
      await merge(second.id, first.id);
      await merge(third.id, second.id);
      const middle = await restore(second.id);
      expect(middle).toMatchObject(FULL);
      expect(await isServed(middle.photo!.url)).toBe(true);
      expect(await get(third.id)).toMatchObject({ phone: null, company: null, notes: null, photo: null });
      const { photo } = await restore(first.id);
      expect(await isServed(photo!.url)).toBe(true);
      expect(await get(second.id)).toMatchObject({ phone: null, company: null, notes: null, photo: null });
    });

    it('can be merged again', async () => {
      const [stays, other] = [await customers.create(), await createWithPhoto(FULL)];
      for (const version of [2, 4, 6]) {
        const { data } = await merge(stays.id, other.id);
        expect(data).toMatchObject({ ...FULL, version });
        expect(await isServed(data.photo!.url)).toBe(true);
        await restore(other.id);
        expect(await get(stays.id)).toMatchObject({ phone: null, photo: null, version: version + 1 });
      }
    });
  });

  it('reads a merged customer as of the time before the merge', async () => {
    const [stays, other] = [await customers.create(), await customers.create(FULL)];
    service.clock.forward(1000);
    const before = service.clock.now().toISOString();
    service.clock.forward(1000);
    await merge(stays.id, other.id);
    const params = { path: { id: other.id }, query: { asOf: before } };
    expect((await user.crm.GET('/customers/{id}', { params })).data).toMatchObject({
      ...FULL,
      mergedInto: null,
      deletedAt: null,
      version: 1,
    });
    service.clock.reset();
  });
});
