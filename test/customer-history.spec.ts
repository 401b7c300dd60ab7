import { at, type Client } from './support/client.js';
import { CustomerFixture, TIME } from './support/customer-fixture.js';
import { onEveryDatabase } from './support/databases.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

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

  describe('the history of a customer', () => {
    it('lists action, user, time, request id and changes, newest first', async () => {
      const requestId = `test-${unique()}`;
      const request = (n: number) => ({ headers: { 'x-request-id': `${requestId}.${n}` } });
      const body = newCustomer({ company: 'Cruz & Hijos' });
      const created = await service.admin.crm.POST('/customers', { body, ...request(1) });
      const { id, createdBy, createdAt } = created.data;
      expect(created.response.headers.get('x-request-id')).toBe(`${requestId}.1`);
      const changes = { name: 'Eva', company: null, phone: '+34600123456', surname: body.surname };
      const updated = await user.crm.PATCH('/customers/{id}', { ...at(id), body: changes, ...request(2) });
      await user.crm.DELETE('/customers/{id}', { ...at(id), ...request(3) });
      const restored = await service.admin.crm.POST('/customers/{id}/restore', { ...at(id), ...request(4) });
      const deletedAt = expect.stringMatching(TIME);

      const { data, response } = await user.crm.GET('/customers/{id}/history', at(id));
      expect(response.status).toBe(200);
      expect(data).toEqual({
        data: [
          {
            version: 4,
            action: 'restored',
            by: createdBy,
            at: restored.data.lastModifiedAt,
            requestId: `${requestId}.4`,
            changes: { deletedAt: [deletedAt, null] },
          },
          {
            version: 3,
            action: 'deleted',
            by: user.id,
            at: deletedAt,
            requestId: `${requestId}.3`,
            changes: { deletedAt: [null, deletedAt] },
          },
          {
            version: 2,
            action: 'updated',
            by: user.id,
            at: updated.data.lastModifiedAt,
            requestId: `${requestId}.2`,
            changes: { name: [body.name, 'Eva'], company: ['Cruz & Hijos', null], phone: [null, '+34600123456'] },
          },
          {
            version: 1,
            action: 'created',
            by: createdBy,
            at: createdAt,
            requestId: `${requestId}.1`,
            changes: {
              email: [null, body.email],
              name: [null, body.name],
              surname: [null, body.surname],
              company: [null, 'Cruz & Hijos'],
            },
          },
        ],
        page: { next: null },
      });
      expect((await customers.historyOf(id)).map((entry) => [entry.version, entry.action, entry.request_id])).toEqual([
        [1, 'created', `${requestId}.1`],
        [2, 'updated', `${requestId}.2`],
        [3, 'deleted', `${requestId}.3`],
        [4, 'restored', `${requestId}.4`],
      ]);
    });

    it('records the generated request id if the client sent an invalid one', async () => {
      const headers = { 'x-request-id': `${'x'.repeat(65)}` };
      const { body, headers: answered } = await user.post('/customers', newCustomer(), { headers });
      const [entry] = (await user.get(`/customers/${body.id}/history`)).body.data;
      expect(entry.requestId).toMatch(/^[\da-f-]{36}$/);
      expect(entry.requestId).toBe(answered.get('x-request-id'));
    });

    it('includes deleted customers', async () => {
      const { id } = await customers.createDeleted();
      const { data } = await user.crm.GET('/customers/{id}/history', at(id));
      expect(data.data.map(({ action }) => action)).toEqual(['deleted', 'created']);
    });

    it('is paginated, and a new entry between two pages repeats nothing', async () => {
      let customer = await customers.create();
      for (let n = 2; n <= 5; n++) customer = await user.crm.updateCustomer(customer, { name: `Name ${n}` });
      const { id } = customer;
      const page = (cursor?: string) =>
        user.crm.GET('/customers/{id}/history', { params: { path: { id }, query: { limit: 2, cursor } } });

      const first = await page();
      const { next } = first.data.page;
      expect(first.data.data.map(({ version }) => version)).toEqual([5, 4]);
      expect(first.response.headers.get('link')).toBe(`</customers/${id}/history?limit=2&cursor=${next}>; rel="next"`);
      await user.crm.updateCustomer(customer, { name: 'In between' });
      const second = await page(next!);
      expect(second.data.data.map(({ version }) => version)).toEqual([3, 2]);
      const third = await page(second.data.page.next!);
      expect(third.data.data.map(({ version }) => version)).toEqual([1]);
      expect(third.data.page.next).toBeNull();
      expect(third.response.headers.get('link')).toBeNull();

      const versions: number[] = [];
      const entries = user.crm.pages('/customers/{id}/history', { params: { path: { id }, query: { limit: 2 } } });
      for await (const { version } of entries) versions.push(version);
      expect(versions).toEqual([6, 5, 4, 3, 2, 1]);
    });

    it.each([
      'limit=0',
      'limit=201',
      'limit=abc',
      'cursor=0',
      'cursor=abc',
      'cursor=-1',
      'cursor=1e3',
      'sort=-id',
      'x=1',
    ])('refuses the query ?%s', async (parameter) => {
      const { id } = await customers.create();
      await customers.expectInvalid([parameter.split('=', 1)[0]!], () =>
        user.get(`/customers/${id}/history?${parameter}`),
      );
    });
  });
});
