import { CustomersService } from '../../src/customers/customers.service.js';
import { ResourceWriter } from '../../src/writes/resource-writer.js';
import { Transactions } from '../../src/writes/transactions.js';
import { onEveryDatabase } from '../support/databases.js';
import { keyed, Rows } from '../support/rows.js';
import { newCustomer, startService, type TestService, unique } from '../support/service.js';

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

  it('rolls back rows and history if the transaction fails after the writes', async () => {
    const first = await rows.create();
    const before = await rows.everything();
    const failing = transactions.run(async (manager) => {
      await writer.createIn(manager, resource, CONTEXT, values());
      await writer.updateIn(manager, resource, CONTEXT, first.id, { action: 'updated', set: () => ({ name: 'X' }) });
      throw new Error('expected');
    });
    await expect(failing).rejects.toThrow('expected');
    expect(await rows.everything()).toEqual(before);
  });

  it('runs afterWrite in the transaction of every write', async () => {
    const calls: unknown[] = [];
    resource.afterWrite = async (before, after, manager) => {
      calls.push([before?.version, after.version, after.isDeleted]);
      await manager.query('UPDATE customers SET notes = ? WHERE id = ?', [`derived ${after.version}`, after.id]);
      if (after.company === 'refused') throw new Error('expected');
    };
    try {
      const { id } = await rows.create();
      const path = `/customers/${id}`;
      await service.admin.patch(path, { name: 'Changed' });
      await service.admin.delete(path);
      await service.admin.post(`${path}/restore`);
      expect(calls).toEqual([
        [undefined, 1, false],
        [1, 2, false],
        [2, 3, true],
        [3, 4, false],
      ]);
      const refused = writer.update(resource, CONTEXT, id, { action: 'updated', set: () => ({ company: 'refused' }) });
      await expect(refused).rejects.toThrow('expected');
      expect(await rows.customer(id)).toMatchObject({ version: 4, company: null, notes: 'derived 4' });
    } finally {
      resource.afterWrite = undefined;
    }
  });

  it('stores the complete state of every version in the history', async () => {
    const created = await rows.create({ phone: '+34600123456' });
    await service.admin.patch(`/customers/${created.id}`, { company: 'Cruz & Hijos' });
    const [first, second] = (await rows.history(created.id)).map(({ state }) =>
      typeof state === 'string' ? JSON.parse(state) : state,
    );
    const { email, name, surname } = created;
    const state = {
      email,
      name,
      surname,
      phone: '+34600123456',
      notes: null,
      photo: null,
      deletedAt: null,
      mergedInto: null,
    };
    expect(first).toEqual({ ...state, company: null });
    expect(second).toEqual({ ...state, company: 'Cruz & Hijos' });
  });

  it('stores the resource and id of every idempotent response', async () => {
    // the typed client creates with keys of its own
    await rows.query('DELETE FROM idempotency_records');
    const customer = await service.admin.post('/customers', newCustomer(), keyed(unique()));
    const reset = await service.admin.post('/users/1/password-reset', undefined, keyed(unique()));
    expect([customer.status, reset.status]).toEqual([201, 201]);
    const stored = await rows.query('SELECT resource, resource_id AS id FROM idempotency_records ORDER BY resource');
    expect(stored).toEqual([
      { resource: 'customer', id: customer.body.id },
      { resource: 'user', id: 1 },
    ]);
  });

  // counted on one connection: other test files use the same server
  (kind === 'MariaDB' ? it : () => undefined)('prepares each statement once, whichever members change', async () => {
    await transactions.run(async (manager) => {
      const write = async (changes: Array<Record<string, string>>): Promise<void> => {
        const { id } = await writer.createIn(manager, resource, CONTEXT, values());
        for (const change of changes)
          await writer.updateIn(manager, resource, CONTEXT, id, { action: 'updated', set: () => change });
      };
      const countPrepared = async (): Promise<number> =>
        Number((await manager.query(`SHOW SESSION STATUS LIKE 'Com_stmt_prepare'`))[0].Value);
      // the words of a row are written by six statements, for 1 to 32 words
      const companyOf = (count: number): string => Array.from({ length: count }, (_, n) => `w${count}x${n}`).join(' ');
      await write([...[1, 2, 3, 5, 9, 17].map((count) => ({ company: companyOf(count) })), { company: 'A' }]);
      const before = await countPrepared();
      expect(before).toBeGreaterThan(0);
      await write([{ surname: 'B' }, { company: 'C', notes: 'D' }, { name: 'E', phone: '+34600123457' }]);
      expect(await countPrepared()).toBe(before);
    });
  });
});
