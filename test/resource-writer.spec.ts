import { DataSource } from 'typeorm';
import { CustomersService } from '../src/customers/customers.service.js';
import { ResourceWriter } from '../src/writes/resource-writer.js';
import { Transactions } from '../src/writes/transactions.js';
import { onEveryDatabase } from './support/databases.js';
import { keyed, Rows } from './support/rows.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

const NO_PHOTO = { photoKey: null, photoWidth: null, photoHeight: null, photoUrl: null };
const CONTEXT = { actorId: 1, requestId: 'test' };

onEveryDatabase((kind) => {
  let service: TestService;
  let writer: ResourceWriter;
  let transactions: Transactions;
  let resource: CustomersService['resource'];
  const rows = new Rows(() => service);
  const values = (): any => ({ ...newCustomer(), phone: null, company: null, notes: null, ...NO_PHOTO });

  beforeAll(async () => {
    service = await startService(kind);
    writer = service.app.get(ResourceWriter);
    transactions = service.app.get(Transactions);
    resource = service.app.get(CustomersService).resource;
  });
  afterAll(() => service.close());

  it('creates and updates several rows in one transaction', async () => {
    const first = await rows.create();
    const [created, updated] = await transactions.run(async (manager) => [
      await writer.createIn(manager, resource, CONTEXT, values()),
      await writer.updateIn(manager, resource, CONTEXT, first.id, {
        action: 'updated',
        set: () => ({ company: 'Both' }),
      }),
    ]);
    expect((await service.admin.get(`/customers/${created.id}`)).body).toMatchObject({ version: 1 });
    expect((await service.admin.get(`/customers/${updated.id}`)).body).toMatchObject({ version: 2, company: 'Both' });
  });

  it('leaves neither rows nor history of a transaction that fails after its writes', async () => {
    const first = await rows.create();
    const before = await rows.everything();
    const failing = transactions.run(async (manager) => {
      await writer.createIn(manager, resource, CONTEXT, values());
      await writer.updateIn(manager, resource, CONTEXT, first.id, { action: 'updated', set: () => ({ name: 'X' }) });
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await rows.everything()).toEqual(before);
  });

  it('runs afterWrite for every write, in its transaction', async () => {
    const seen: unknown[] = [];
    resource.afterWrite = async (before, after, manager) => {
      seen.push([before?.version, after.version, after.isDeleted]);
      await manager.query('UPDATE customers SET notes = ? WHERE id = ?', [`derived ${after.version}`, after.id]);
      if (after.company === 'refused') throw new Error('on purpose');
    };
    try {
      const { id } = await rows.create();
      const path = `/customers/${id}`;
      await service.admin.patch(path, { name: 'Changed' });
      await service.admin.delete(path);
      await service.admin.post(`${path}/restore`);
      expect(seen).toEqual([
        [undefined, 1, false],
        [1, 2, false],
        [2, 3, true],
        [3, 4, false],
      ]);
      const refused = writer.update(resource, CONTEXT, id, { action: 'updated', set: () => ({ company: 'refused' }) });
      await expect(refused).rejects.toThrow('on purpose');
      expect(await rows.customer(id)).toMatchObject({ version: 4, company: null, notes: 'derived 4' });
    } finally {
      resource.afterWrite = undefined;
    }
  });

  it('keeps the whole state of every version in the history', async () => {
    const created = await rows.create({ phone: '+34600123456' });
    await service.admin.patch(`/customers/${created.id}`, { company: 'Cruz & Hijos' });
    const [first, second] = (await rows.history(created.id)).map(({ state }) =>
      typeof state === 'string' ? JSON.parse(state) : state,
    );
    const { email, name, surname } = created;
    const state = { email, name, surname, phone: '+34600123456', notes: null, photo: null, deletedAt: null };
    expect(first).toEqual({ ...state, company: null });
    expect(second).toEqual({ ...state, company: 'Cruz & Hijos' });
  });

  it('names the row of every stored answer', async () => {
    const customer = await service.admin.post('/customers', newCustomer(), keyed(unique()));
    const reset = await service.admin.post('/users/1/password-reset', undefined, keyed(unique()));
    expect([customer.status, reset.status]).toEqual([201, 201]);
    const stored = await rows.query('SELECT resource, resource_id AS id FROM idempotency_records ORDER BY resource');
    expect(stored).toEqual([
      { resource: 'customer', id: customer.body.id },
      { resource: 'user', id: 1 },
    ]);
  });

  it('writes a row with one prepared INSERT and one prepared UPDATE per table', async () => {
    if (kind === 'SQLite') return;
    const status = async (): Promise<number> =>
      Number((await service.app.get(DataSource).query(`SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'`))[0].Value);
    const { id } = await rows.create();
    for (const change of [{ name: 'A' }, { surname: 'B' }, { company: 'C', notes: 'D' }])
      await service.admin.patch(`/customers/${id}`, change);
    const before = await status();
    for (const change of [{ name: 'E' }, { surname: 'F' }, { company: 'G', phone: '+34600123457' }])
      await service.admin.patch(`/customers/${id}`, change);
    // other connections of the pool may still have to prepare the four statements of a PATCH
    expect((await status()) - before).toBeLessThanOrEqual(3 * 4);
  });
});
