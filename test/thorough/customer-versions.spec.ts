import type { Customer } from '../../client/src/index.js';
import { type Answer, at, type Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { photoFile } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { refusalOf } from '../support/refusals.js';
import { type NewCustomer, newCustomer, startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };
  let customers: CustomerFixture;

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
    customers = new CustomerFixture(service);
  });
  afterEach(() => service.clock.reset());
  afterAll(() => service.close());

  const asOf = (id: number, time: string) =>
    user.crm.GET('/customers/{id}', { params: { path: { id }, query: { asOf: time } } });
  const plus = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString();
  const expectMissing = async (id: number, time: string): Promise<void> =>
    expect(await refusalOf(asOf(id, time))).toMatchObject({ status: 404, code: 'customer_not_found' });
  /** Every version a second after the previous one. */
  const change = async (id: number, body: Partial<NewCustomer>, { crm }: Client = user): Promise<Customer> => {
    service.clock.forward(1000);
    return (await crm.PATCH('/customers/{id}', { ...at(id), body })).data;
  };
  const setPhoto = async (id: number): Promise<Customer> => {
    service.clock.forward(1000);
    return user.crm.setPhoto(await user.crm.getCustomer(id), photoFile(await anotherJpeg()));
  };

  describe('a customer as of a time', () => {
    it('has the fields, the version, the ETag and the last change of that time', async () => {
      const first = await customers.create({ company: 'Cruz & Hijos', phone: '+34600123456' });
      const second = await change(first.id, { company: null, email: newCustomer().email, notes: 'Zwölf\n😀' });
      const third = await change(first.id, { name: 'Eva' }, service.admin);
      for (const version of [first, second, third]) {
        for (const ms of [0, 1, 999]) {
          const { data, response } = await asOf(first.id, plus(version.lastModifiedAt, ms));
          expect([response.status, data]).toEqual([200, version]);
          expect(response.headers.get('etag')).toBe(`"v${version.version}"`);
        }
      }
      await expectMissing(first.id, plus(first.createdAt, -1));
      await expectMissing(first.id, '0001-01-01T00:00:00Z');
      expect((await asOf(first.id, '9999-12-31T23:59:59.999Z')).data).toEqual(third);
    });

    it('is missing while it was deleted, and readable before and after', async () => {
      const created = await customers.create();
      service.clock.forward(1000);
      await user.crm.deleteCustomer(created);
      const { deleted_at } = await customers.rowOf(created.id);
      const deletedAt = `${deleted_at.replace(' ', 'T')}Z`;
      expect((await asOf(created.id, plus(deletedAt, -1))).data).toEqual(created);
      await expectMissing(created.id, deletedAt);
      await expectMissing(created.id, plus(deletedAt, 3_600_000));
      service.clock.forward(1000);
      const restored = await user.crm.restoreCustomer(created.id);
      await expectMissing(created.id, plus(restored.lastModifiedAt, -1));
      expect((await asOf(created.id, restored.lastModifiedAt)).data).toEqual(restored);
    });

    it('is the higher of two versions of one millisecond', async () => {
      const created = await customers.create();
      const { id } = created;
      const createdAt = created.createdAt;
      for (const name of ['Two', 'Three']) await user.crm.PATCH('/customers/{id}', { ...at(id), body: { name } });
      await change(id, { name: 'Four' });
      await customers.query('UPDATE history SET changed_at = ? WHERE resource_id = ? AND version < 4', [
        createdAt.replace('T', ' ').replace('Z', ''),
        id,
      ]);
      expect((await asOf(id, createdAt)).data).toMatchObject({ version: 3, name: 'Three', lastModifiedAt: createdAt });
    });

    it('has its photo only if it is the present one', async () => {
      const { id, createdAt } = await customers.create();
      const first = await setPhoto(id);
      const second = await setPhoto(id);
      const last = await change(id, { name: 'Eva' });
      expect(last.photo).not.toBeNull();
      expect((await asOf(id, createdAt)).data.photo).toBeNull();
      expect((await asOf(id, first.lastModifiedAt)).data.photo).toBeNull();
      expect((await asOf(id, second.lastModifiedAt)).data).toEqual(second);
      service.clock.forward(1000);
      await user.crm.deleteCustomer(last);
      expect((await asOf(id, second.lastModifiedAt)).data).toEqual({ ...second, photo: null });
    });

    it('is not sent to a client that has that version', async () => {
      const first = await customers.create();
      const second = await change(first.id, { name: 'Eva' });
      const statusOf = async (time: string, etag: string): Promise<number> => {
        const headers = { 'if-none-match': etag };
        return (await user.get(`/customers/${first.id}?asOf=${time}`, { headers })).status;
      };
      expect(await statusOf(first.createdAt, '"v1"')).toBe(304);
      expect(await statusOf(first.createdAt, '"v2"')).toBe(200);
      expect(await statusOf(second.lastModifiedAt, '"v1"')).toBe(200);
      await expectMissing(first.id, plus(first.createdAt, -1));
    });

    it('is derived from the changes if the entries have no state, or no entry exists', async () => {
      const first = await customers.create({ company: 'Cruz & Hijos' });
      const second = await change(first.id, { company: null });
      const third = await change(first.id, { name: 'Eva', company: 'Eva SL' });
      await customers.query('UPDATE history SET state = NULL WHERE resource_id = ?', [first.id]);
      expect((await asOf(first.id, first.createdAt)).data).toEqual(first);
      expect((await asOf(first.id, second.lastModifiedAt)).data).toEqual(second);
      // as a customer of the Flask service, which was changed here afterwards
      await customers.query('DELETE FROM history WHERE resource_id = ? AND version = 1', [first.id]);
      expect((await asOf(first.id, plus(first.createdAt, 1))).data).toEqual(first);
      const body = { version: 1 };
      expect((await user.crm.POST('/customers/{id}/revert', { ...at(first.id), body })).data).toMatchObject({
        version: 4,
        name: first.name,
        company: 'Cruz & Hijos',
      });
      expect(third.company).toBe('Eva SL');
    });

    it.each([
      ['2026-11-27T10:00:00.123999999999Z', '2026-11-27T10:00:00.123Z'],
      ['2026-11-27t10:00:00.124z', '2026-11-27T10:00:00.124Z'],
      ['2026-11-27T15:30:00.124+05:30', '2026-11-27T10:00:00.124Z'],
      ['2026-11-26T23:59:59-10:00', '2026-11-27T09:59:59.000Z'],
      ['2026-11-27T10:00:00-00:00', '2026-11-27T10:00:00.000Z'],
      ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
      ['2016-12-31T15:59:60.5-08:00', '2017-01-01T00:00:00.000Z'],
    ])('takes the time %s as %s', async (time, same) => {
      const { id } = await customers.create();
      const [sql, before] = [same, plus(same, -1)].map((text) => text.replace('T', ' ').replace('Z', ''));
      await change(id, { name: 'Eva' });
      await customers.query('UPDATE history SET changed_at = ? WHERE resource_id = ? AND version = 1', [before, id]);
      await customers.query('UPDATE history SET changed_at = ? WHERE resource_id = ? AND version = 2', [sql, id]);
      await customers.query('UPDATE customers SET created_at = ? WHERE id = ?', [before, id]);
      await change(id, { name: 'Zoë' });
      expect((await asOf(id, time)).data).toMatchObject({ version: 2, lastModifiedAt: same });
      expect((await asOf(id, before!.replace(' ', 'T') + 'Z')).data).toMatchObject({ version: 1 });
    });

    it.each([
      '',
      'now',
      '2026-11-27',
      '2026-11-27T10:00Z',
      '2026-11-27T10:00:00',
      '2026-11-27T10:00:00 01:00',
      '2026-11-27T10:00:00+0100',
      '2026-11-27T10:00:00+01',
      '2026-11-27T10:00:00.Z',
      '2026-11-27T10:00:00,5Z',
      '2026-11-27T24:00:00Z',
      '2026-11-27T10:60:00Z',
      '2026-11-27T10:00:60Z',
      '2016-12-31T23:59:61Z',
      '2026-11-27T10:00:00+24:00',
      '2026-02-29T10:00:00Z',
      '2026-11-00T10:00:00Z',
      '2026-00-27T10:00:00Z',
      '+002026-11-27T10:00:00Z',
      ' 2026-11-27T10:00:00Z',
      `2026-11-27T10:00:00.${'0'.repeat(100)}Z`,
      '1764237600000',
    ])('is refused at %j', async (time) => {
      const { id } = await customers.create();
      await customers.expectInvalid(['asOf'], () => asOf(id, time));
    });
  });

  describe('reverting a customer', () => {
    const revert = (id: number, version: number) =>
      user.crm.POST('/customers/{id}/revert', { ...at(id), body: { version } });
    const sendRevert = (id: number, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
      user.post(`/customers/${id}/revert`, body, { headers });

    it('makes the fields of an earlier version a new version, without the photo', async () => {
      const first = await customers.create({ company: 'Cruz & Hijos', notes: 'Note' });
      await change(first.id, { name: 'Eva', company: null, phone: '+34600123456', email: newCustomer().email });
      const { photo } = await setPhoto(first.id);
      service.clock.forward(1000);
      const { data, response } = await revert(first.id, 1);
      const { lastModifiedAt } = data;
      expect(response.status).toBe(200);
      expect(data).toEqual({ ...first, photo, version: 4, lastModifiedBy: user.id, lastModifiedAt });
      expect(response.headers.get('etag')).toBe('"v4"');
      expect(await user.crm.getCustomer(first.id)).toEqual(data);
      const [entry] = (await user.crm.GET('/customers/{id}/history', at(first.id))).data.data;
      expect(entry).toMatchObject({ version: 4, action: 'reverted', by: user.id, at: lastModifiedAt });
      expect(Object.keys(entry!.changes).sort()).toEqual(['company', 'email', 'name', 'phone']);
      expect((await asOf(first.id, lastModifiedAt)).data).toEqual(data);
    });

    it('changes nothing if the customer has these fields already', async () => {
      const { id } = await customers.create();
      await change(id, { name: 'Eva' });
      const same = await change(id, { name: 'Ana María' });
      for (const version of [1, 3]) {
        const { data, response } = await revert(id, version);
        expect([response.status, data]).toEqual([200, same]);
      }
      expect(await customers.historyOf(id)).toHaveLength(3);
    });

    it('goes back to the fields of a version that was deleted', async () => {
      const created = await customers.create({ name: 'Deleted' });
      const { id } = created;
      await user.crm.deleteCustomer(created);
      await user.crm.restoreCustomer(id);
      await change(id, { name: 'Eva' });
      expect((await revert(id, 2)).data).toMatchObject({ version: 5, name: 'Deleted', deletedAt: null });
    });

    it('accepts values of that version that today would be refused', async () => {
      const { id } = await customers.create();
      await change(id, { name: 'Eva' });
      const [entry] = await customers.historyOf(id);
      const state = typeof entry.state === 'string' ? JSON.parse(entry.state) : entry.state;
      const old = JSON.stringify({ ...state, email: `old ${id}@localhost`, phone: '0600' });
      await customers.query('UPDATE history SET state = ? WHERE resource_id = ? AND version = 1', [old, id]);
      expect((await revert(id, 1)).data).toMatchObject({ email: `old ${id}@localhost`, phone: '0600' });
    });

    it('honours If-Match', async () => {
      const { id } = await customers.create();
      await change(id, { name: 'Eva' });
      const { body } = await customers.expectRefused(412, 'version_conflict', () =>
        sendRevert(id, { version: 1 }, { 'if-match': '"v1"' }),
      );
      expect(body.currentVersion).toBe(2);
      expect((await sendRevert(id, { version: 1 }, { 'if-match': 'W/"v2"' })).body).toMatchObject({ version: 3 });
    });

    it('is refused if the e-mail was taken meanwhile', async () => {
      const { id, email } = await customers.create();
      await change(id, { email: newCustomer().email });
      const other = await customers.create({ email: email.toUpperCase() });
      await customers.expectRefused(409, 'email_taken', () => revert(id, 1));
      await user.crm.deleteCustomer(other);
      expect((await revert(id, 1)).data).toMatchObject({ version: 3, email });
    });

    it('is refused for unknown versions and missing customers', async () => {
      const { id } = await customers.create();
      const deleted = await customers.createDeleted();
      for (const version of [2, 2 ** 31 - 1])
        await customers.expectRefused(404, 'version_not_found', () => revert(id, version));
      await customers.expectRefused(
        404,
        'customer_not_found',
        () => revert(deleted.id, 1),
        () => revert(2 ** 31 - 1, 1),
      );
    });

    it.each([
      [{}, '/version'],
      [{ version: null }, '/version'],
      [{ version: '1' }, '/version'],
      [{ version: 0 }, '/version'],
      [{ version: -1 }, '/version'],
      [{ version: 1.5 }, '/version'],
      [{ version: 2 ** 31 }, '/version'],
      [{ version: [1] }, '/version'],
      [{ version: 1, name: 'Eva' }, '/name'],
      [[], ''],
    ])('is refused with the body %j', async (body, pointer) => {
      const { id } = await customers.create();
      await customers.expectInvalid([pointer], () => sendRevert(id, body));
    });
  });
});
