import type { Customer } from '../../client/src/index.js';
import { at, type Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { type NewCustomer, newCustomer, startService, type TestService, unique } from '../support/service.js';
import { UNKNOWN_ID } from '../support/users.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client;
  let customers: CustomerFixture;

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
    customers = new CustomerFixture(service);
  });
  afterAll(() => service.close());

  const newPhone = (): string => `+4930${String(Math.random()).slice(2, 11)}`;
  /** A local part of an e-mail, and a name, that no other test uses. */
  const local = (): string => `dup.${unique().replace('-', '.')}`;
  const newName = (): string => `Núñez ${unique()}`;
  const list = async (id: number) => (await user.crm.GET('/customers/{id}/duplicates', at(id))).data.data;
  const summary = async (id: number): Promise<unknown[]> =>
    (await list(id)).map(({ customer, score, reasons }) => [customer.id, score, reasons]);
  /** Differs from all others, except in the given fields. */
  const create = (overrides: Partial<NewCustomer>): Promise<Customer> =>
    customers.create({ name: newName(), surname: newName(), phone: newPhone(), ...overrides });

  it('are listed with their reasons, best first', async () => {
    const [name, surname, phone, mailbox] = [newName(), newName(), newPhone(), local()];
    const { id } = await create({ name, surname, phone, email: `${mailbox}@gmail.com` });
    const byName = await create({ name: name.toUpperCase(), surname: surname.normalize('NFD') });
    const byPhone = await create({ phone });
    const byEmail = await create({ email: `${mailbox.replaceAll('.', '')}+tag@googlemail.com` });
    const byPhoneAndName = await create({ name: name.replace('ñ', 'n'), surname, phone });
    const byAll = await create({ name, surname, phone, email: `${mailbox}@gmial.com` });
    await create({ name, surname: newName() });
    expect(await summary(id)).toEqual([
      [byAll.id, 1, ['phone', 'name', 'email']],
      [byPhoneAndName.id, 0.6, ['phone', 'name']],
      [byPhone.id, 0.4, ['phone']],
      [byEmail.id, 0.4, ['email']],
      [byName.id, 0.2, ['name']],
    ]);
    expect((await list(id))[0]!.customer).toEqual(await user.crm.getCustomer(byAll.id));
  });

  it.each([
    ['gmail.com', 'gmial.com'],
    ['hotmail.com', 'hotmai.com'],
    ['outlook.com', 'outloook.com'],
    ['yahoo.com', 'yahoo.con'],
    ['icloud.com', 'icluod.com'],
  ])('include an e-mail at %s with a typo (%s), both ways', async (domain, typo) => {
    const mailbox = local();
    const [one, other] = [
      await create({ email: `${mailbox}@${domain}` }),
      await create({ email: `${mailbox}@${typo}` }),
    ];
    expect(await summary(one.id)).toEqual([[other.id, 0.4, ['email']]]);
    expect(await summary(other.id)).toEqual([[one.id, 0.4, ['email']]]);
  });

  it('do not include other mailboxes, or what both lack', async () => {
    const mailbox = local();
    const { id } = await create({ email: `${mailbox}@example.com`, phone: null });
    await create({ email: `${mailbox}@example.org`, phone: null });
    await create({ email: `${mailbox.replaceAll('.', '')}@example.com`, phone: null });
    await create({ email: `${mailbox}@exmaple.com`, phone: null });
    expect(await list(id)).toEqual([]);
  });

  it('follow changes, and are active customers only', async () => {
    const phone = newPhone();
    const { id } = await create({ phone });
    const [deleted, changed, merged, erased, restored] = [
      await create({ phone }),
      await create({ phone }),
      await create({ phone }),
      await create({ phone }),
      await create({ phone }),
    ];
    await user.crm.deleteCustomer(deleted);
    await user.crm.updateCustomer(changed, { phone: newPhone() });
    const { data: filled } = await user.crm.POST('/customers/{id}/merge', {
      ...at(changed.id),
      body: { from: merged.id },
    });
    await service.admin.crm.POST('/customers/{id}/erase', at(erased.id));
    await user.crm.deleteCustomer(restored);
    await user.crm.restoreCustomer(restored.id);
    expect(await summary(id)).toEqual([[restored.id, 0.4, ['phone']]]);
    await user.crm.updateCustomer(filled, { phone });
    expect(await summary(id)).toEqual([
      [changed.id, 0.4, ['phone']],
      [restored.id, 0.4, ['phone']],
    ]);
    for (const gone of [deleted.id, UNKNOWN_ID])
      await customers.expectRefused(404, 'customer_not_found', () => list(gone));
    await customers.expectRefused(410, 'customer_erased', () => list(erased.id));
    await customers.expectInvalid(['limit'], () => user.get(`/customers/${id}/duplicates?limit=5`));
  });

  it('are at most 20, and the best of a group that is larger than what is read of it', async () => {
    const [name, surname, phone] = [newName(), newName(), newPhone()];
    const { id } = await create({ name, surname, phone });
    const { dataSource } = service;
    // copies of a row with its computed columns
    const row = await customers.rowOf((await create({ name, surname })).id);
    const columns = Object.keys(row).filter(
      (column) => !['id', 'live_email', 'has_photo', 'is_stale'].includes(column),
    );
    const insert = async (count: number, values: Record<string, unknown>): Promise<void> => {
      const group = `(${columns.map(() => '?').join(', ')})`;
      const rows = Array.from({ length: count }, () => ({ ...row, ...values, email: newCustomer().email }));
      await dataSource.query(
        `INSERT INTO customers (${columns.join(', ')}) VALUES ${rows.map(() => group).join(', ')}`,
        rows.flatMap((one) => columns.map((column) => one[column])),
      );
    };
    await insert(120, {});
    await insert(120, { phone, name_key: 'other', surname_key: 'other' });
    await insert(3, { phone });
    const found = await list(id);
    expect(found).toHaveLength(20);
    expect(found.map(({ score }) => score)).toEqual([...Array(3).fill(0.6), ...Array(17).fill(0.4)]);
  });
});
