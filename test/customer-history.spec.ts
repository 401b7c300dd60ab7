import type { Client } from './support/client.js';
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
      const request = (n: number): { headers: Record<string, string> } => ({
        headers: { 'x-request-id': `${requestId}.${n}` },
      });
      const values = newCustomer({ company: 'Cruz & Hijos' });
      const created = await service.admin.post('/customers', values, request(1));
      const { id, createdBy, createdAt } = created.body;
      expect(created.headers.get('x-request-id')).toBe(`${requestId}.1`);
      const changes = { name: 'Eva', company: null, phone: '+34600123456', surname: values.surname };
      const updated = await user.patch(`/customers/${id}`, changes, request(2));
      await user.delete(`/customers/${id}`, request(3));
      const restored = await service.admin.post(`/customers/${id}/restore`, undefined, request(4));
      const deletedAt = expect.stringMatching(TIME);

      const { status, body } = await user.get(`/customers/${id}/history`);
      expect(status).toBe(200);
      expect(body).toEqual({
        data: [
          {
            version: 4,
            action: 'restored',
            by: createdBy,
            at: restored.body.lastModifiedAt,
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
            at: updated.body.lastModifiedAt,
            requestId: `${requestId}.2`,
            changes: { name: [values.name, 'Eva'], company: ['Cruz & Hijos', null], phone: [null, '+34600123456'] },
          },
          {
            version: 1,
            action: 'created',
            by: createdBy,
            at: createdAt,
            requestId: `${requestId}.1`,
            changes: {
              email: [null, values.email],
              name: [null, values.name],
              surname: [null, values.surname],
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
      const { status, body } = await user.get(`/customers/${id}/history`);
      expect(status).toBe(200);
      expect(body.data.map((entry: any) => entry.action)).toEqual(['deleted', 'created']);
    });

    it('is paginated, and a new entry between two pages repeats nothing', async () => {
      const { id } = await customers.create();
      for (let n = 2; n <= 5; n++) await user.patch(`/customers/${id}`, { name: `Name ${n}` });

      const first = await user.get(`/customers/${id}/history?limit=2`);
      expect(first.body.data.map((entry: any) => entry.version)).toEqual([5, 4]);
      expect(first.headers.get('link')).toBe(
        `</customers/${id}/history?limit=2&cursor=${first.body.page.next}>; rel="next"`,
      );
      await user.patch(`/customers/${id}`, { name: 'In between' });
      const second = await user.get(`/customers/${id}/history?limit=2&cursor=${first.body.page.next}`);
      expect(second.body.data.map((entry: any) => entry.version)).toEqual([3, 2]);
      const third = await user.get(`/customers/${id}/history?limit=2&cursor=${second.body.page.next}`);
      expect(third.body.data.map((entry: any) => entry.version)).toEqual([1]);
      expect(third.body.page.next).toBeNull();
      expect(third.headers.get('link')).toBeNull();
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
