import type { Customer } from '../../client/src/index.js';
import { at } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { type CustomersQuery, ListFixture, newRow, TIMES } from '../support/list-fixture.js';
import { type NewCustomer, newCustomer, startService, type TestService, unique } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let lists: ListFixture;

  beforeAll(async () => {
    service = await startService(kind);
    lists = new ListFixture(service);
  });
  afterAll(() => service.close());

  describe('filters', () => {
    let owner: number;

    beforeAll(async () => {
      owner = await lists.newOwner();
    });

    const create = (overrides: Partial<NewCustomer> = {}): Promise<Customer> =>
      service.admin.crm.createCustomer(newCustomer(overrides));

    it('finds customers by e-mail, case-insensitively', async () => {
      const { id, email } = await create();
      for (const same of [email, email.toUpperCase(), ` ${email} `])
        expect(await lists.listIds('/customers', { email: same })).toEqual([id]);
      expect(await lists.listIds('/customers', { email: `x${email}` })).toEqual([]);
    });

    it('compares e-mails byte by byte, also of deleted customers', async () => {
      const domain = `${unique()}.example.com`;
      const emails = ['jose', 'josé', 'strasse', 'straße'].map((local) => `${local}@${domain}`);
      const ids = await Promise.all(emails.map(async (email) => (await create({ email })).id));
      for (const [index, email] of emails.entries())
        expect(await lists.listIds('/customers', { email })).toEqual([ids[index]]);
      for (const id of ids) await service.admin.crm.DELETE('/customers/{id}', at(id));
      for (const [index, email] of emails.entries())
        expect(await lists.listIds('/customers', { deleted: true, email })).toEqual([ids[index]]);
    });

    it('finds customers by their creator', async () => {
      const rows = [newRow(owner), newRow(owner)];
      await lists.insertCustomers(rows);
      const { items } = await lists.list('/customers', { createdBy: owner });
      expect(items.map(({ email }) => email)).toEqual(rows.map(({ email }) => email).reverse());
      expect(items.map(({ createdBy }) => createdBy)).toEqual([owner, owner]);
      expect(await lists.listIds('/customers', { createdBy: 2147483647 })).toEqual([]);
    });

    it('finds customers that changed at a time or later, to the millisecond and in any time zone', async () => {
      const by = await lists.newOwner();
      await lists.insertCustomers(
        ['00.000', '00.001', '00.002'].map((time) => newRow(by, { modifiedAt: `2024-03-10 12:00:${time}` })),
      );
      const count = async (modifiedSince: string): Promise<number> =>
        (await lists.listIds('/customers', { createdBy: by, modifiedSince })).length;
      expect(await count('2024-03-10T12:00:00Z')).toBe(3);
      expect(await count('2024-03-10T12:00:00.001Z')).toBe(2);
      expect(await count('2024-03-10T14:00:00.001+02:00')).toBe(2);
      expect(await count('2024-03-10T06:30:00.002-05:30')).toBe(1);
      expect(await count('2024-03-10t12:00:00.003z')).toBe(0);
      expect(await count('2024-03-10T13:00:00Z')).toBe(0);
      expect(await count('2024-03-10T13:00:00+01:00')).toBe(3);
      expect(await count('0001-01-01T00:00:00Z')).toBe(3);
      expect(await count('9999-12-31T23:59:59Z')).toBe(0);
    });

    it.each([
      '',
      'yesterday',
      '2024-03-10',
      '2024-03-10T12:00:00',
      '2024-13-10T12:00:00Z',
      '2024-03-10T25:00:00Z',
      '2024-02-30T12:00:00Z',
      '2024-03-10 12:00:00Z',
      '2024-03-10T12:00:00+99:00',
      '1710072000',
      "2024-03-10T12:00:00Z' OR 1=1--",
      '-000001-01-01T00:00:00Z',
      // in UTC the years are -1 and 10000, which no database can store
      '0000-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-01:00',
    ])('refuses the time %j', async (time) => {
      await lists.expectInvalid(`/customers?modifiedSince=${encodeURIComponent(time)}`, 'modifiedSince');
    });

    it('lists only deleted or only active customers', async () => {
      const by = await lists.newOwner();
      const rows = [newRow(by), newRow(by, { isDeleted: true }), newRow(by), newRow(by, { isDeleted: true })];
      await lists.insertCustomers(rows);
      const emails = async (query: CustomersQuery): Promise<string[]> =>
        (await lists.list('/customers', { createdBy: by, sort: 'id', ...query })).items.map(({ email }) => email);
      expect(await emails({})).toEqual([rows[0]!.email, rows[2]!.email]);
      expect(await emails({ deleted: false })).toEqual([rows[0]!.email, rows[2]!.email]);
      expect(await emails({ deleted: true })).toEqual([rows[1]!.email, rows[3]!.email]);
      for (const { deletedAt } of (await lists.list('/customers', { createdBy: by, deleted: true })).items)
        expect(deletedAt).toBe('2024-01-01T00:00:00.000Z');
    });

    it('combines with other filters and count', async () => {
      const by = await lists.newOwner();
      const row = newRow(by, { isDeleted: true, modifiedAt: TIMES[2] });
      await lists.insertCustomers([row, newRow(by, { isDeleted: true }), newRow(by)]);
      const { items, page } = await lists.list('/customers', {
        createdBy: by,
        deleted: true,
        modifiedSince: '2024-01-01T00:00:00.500Z',
        count: true,
        email: row.email,
      });
      expect(items.map(({ email }) => email)).toEqual([row.email]);
      expect(page.total).toEqual({ value: 1, relation: 'exact' });
    });

    it.each(['1', '0', 'TRUE', 'yes', '', 'null'])('refuses the boolean %j', async (value) => {
      await lists.expectInvalid(`/customers?deleted=${value}`, 'deleted');
      await lists.expectInvalid(`/customers?count=${value}`, 'count');
    });

    it.each(['0', '-1', '1abc', '1e3', '0x10', '2147483648', '1%20OR%201=1', ''])(
      'refuses the creator %j',
      async (value) => {
        await lists.expectInvalid(`/customers?createdBy=${value}`, 'createdBy');
      },
    );
  });
});
