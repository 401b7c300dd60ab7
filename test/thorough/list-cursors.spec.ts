import { onEveryDatabase } from '../support/databases.js';
import { ListFixture, newRow } from '../support/list-fixture.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let lists: ListFixture;

  beforeAll(async () => {
    service = await startService(kind);
    lists = new ListFixture(service);
  });
  afterAll(() => service.close());

  describe('cursor', () => {
    let owner: number;
    let path: string;
    let cursor: string;

    beforeAll(async () => {
      owner = await lists.newOwner();
      await lists.insertCustomers(Array.from({ length: 4 }, () => newRow(owner)));
      path = `/customers?createdBy=${owner}&sort=name&limit=2`;
      cursor = (await lists.list('/customers', { createdBy: owner, sort: 'name', limit: 2 })).page.next!;
    });

    it('continues the list that issued it', async () => {
      const query = { createdBy: owner, sort: 'name', limit: 2, cursor } as const;
      expect(await lists.listIds('/customers', query)).toHaveLength(2);
    });

    it('is refused with any one bit changed', async () => {
      const bytes = Buffer.from(cursor, 'base64url');
      for (let index = 0; index < bytes.length; index++) {
        const forged = Buffer.from(bytes);
        forged[index]! ^= 1;
        await lists.expectInvalid(`${path}&cursor=${forged.toString('base64url')}`, 'cursor');
      }
    });

    it('is refused if truncated, extended or forged', async () => {
      const bytes = Buffer.from(cursor, 'base64url');
      const body = bytes.subarray(12);
      for (const forged of [
        ...[0, 1, 11, 12, 13, bytes.length - 1].map((length) => bytes.subarray(0, length)),
        Buffer.concat([bytes, Buffer.from(' ')]),
        Buffer.concat([bytes, bytes]),
        body,
        Buffer.concat([Buffer.alloc(12), body]),
        Buffer.from('["Ana María",1]'),
        Buffer.from('{"__proto__": {}}'),
      ])
        await lists.expectInvalid(`${path}&cursor=${forged.toString('base64url')}`, 'cursor');
      for (const forged of ['0', 'null', '%00', '%27%20OR%201=1--', '*'.repeat(40), 'a'.repeat(1001)])
        await lists.expectInvalid(`${path}&cursor=${forged}`, 'cursor');
      await lists.expectInvalid(`${path}&cursor=${cursor}&cursor=${cursor}`, 'cursor');
    });

    it('is refused with another order, filter or list', async () => {
      for (const other of [
        `/customers?createdBy=${owner}&sort=-name`,
        `/customers?createdBy=${owner}&sort=surname`,
        `/customers?createdBy=${owner}`,
        `/customers?createdBy=${owner + 1}&sort=name`,
        '/customers?sort=name',
        `/customers?createdBy=${owner}&sort=name&deleted=true`,
        `/customers?createdBy=${owner}&sort=name&modifiedSince=2020-01-01T00:00:00Z`,
        `/customers?createdBy=${owner}&sort=name&email=a@example.com`,
        `/users?createdBy=${owner}&sort=name`,
      ])
        await lists.expectInvalid(`${other}&cursor=${cursor}`, 'cursor');
    });
  });

  it('refuses forged cursors and cursors of another history', async () => {
    const { crm } = service.admin;
    const [first, second] = [await crm.createCustomer(newCustomer()), await crm.createCustomer(newCustomer())];
    for (const customer of [first, second]) await crm.updateCustomer(customer, { company: 'Cruz' });
    const history = async (query: { limit?: number; cursor?: string }) =>
      (await crm.GET('/customers/{id}/history', { params: { path: { id: first.id }, query } })).data;
    const { next } = (await history({ limit: 1 })).page;
    expect((await history({ cursor: next! })).data).toHaveLength(1);
    for (const path of [`/customers/${second.id}/history`, `/users/1/history`, '/me/sessions', '/customers'])
      for (const cursor of [next, '2', 'AAAA']) {
        const answer = await service.admin.get(`${path}?cursor=${cursor}`);
        expect([answer.status, answer.body.errors[0].code]).toEqual([400, 'invalid_cursor']);
      }
  });
});
