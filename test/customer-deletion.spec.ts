import { at, type Client } from './support/client.js';
import { CustomerFixture, TIME } from './support/customer-fixture.js';
import { onEveryDatabase } from './support/databases.js';
import { newCustomer, startService, type TestService } from './support/service.js';

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

  describe('deleting and restoring a customer', () => {
    it('hides the deleted customer and keeps its row', async () => {
      const customer = await customers.create({ notes: 'Note' });
      service.clock.forward(1000);
      const { data, response } = await user.crm.DELETE('/customers/{id}', at(customer.id));
      expect([response.status, data]).toEqual([204, undefined]);
      const row = await customers.rowOf(customer.id);
      expect(row).toMatchObject({
        email: customer.email,
        notes: 'Note',
        is_deleted: 1,
        last_modified_by: user.id,
        version: 2,
        live_email: null,
      });
      expect(row.deleted_at > row.created_at).toBe(true);
      expect(row.deleted_at <= row.last_modified_at).toBe(true);
      await customers.expectRefused(
        404,
        'customer_not_found',
        () => user.crm.getCustomer(customer.id),
        () => user.crm.updateCustomer(customer, { name: 'Changed' }),
        () => user.crm.PATCH('/customers/{id}', { ...at(customer.id), body: { name: 'Changed' } }),
        () => user.crm.deleteCustomer(customer),
        () => user.crm.DELETE('/customers/{id}', at(customer.id)),
      );
    });

    it('restores a deleted customer', async () => {
      const customer = await customers.createDeleted({ phone: '+34600123456', notes: 'Note' });
      service.clock.forward(1000);
      const { data, response } = await user.crm.POST('/customers/{id}/restore', at(customer.id));
      expect(response.status).toBe(200);
      expect(data).toEqual({
        ...customer,
        lastModifiedBy: user.id,
        lastModifiedAt: expect.stringMatching(TIME),
        version: 3,
      });
      expect(response.headers.get('etag')).toBe('"v3"');
      expect(response.headers.get('location')).toBeNull();
      expect(await customers.rowOf(customer.id)).toMatchObject({
        is_deleted: 0,
        deleted_at: null,
        version: 3,
        live_email: customer.email,
      });
      expect(await user.crm.getCustomer(customer.id)).toEqual(data);
    });

    it('writes nothing when the customer to restore is active', async () => {
      const customer = await customers.create();
      const before = await customers.snapshot();
      const { status, body } = await user.post(`/customers/${customer.id}/restore`, {});
      expect(status).toBe(200);
      expect(body).toEqual(customer);
      expect(await customers.snapshot()).toEqual(before);
    });

    it('refuses a restore with a body', async () => {
      const { id } = await customers.createDeleted();
      await customers.expectInvalid([''], () => user.post(`/customers/${id}/restore`, { name: 'Changed' }));
    });

    it('frees the e-mail of a deleted customer, and refuses the restore if another customer has taken it', async () => {
      const deleted = await customers.createDeleted();
      const successor = await customers.create({ email: deleted.email });
      await customers.expectRefused(409, 'email_taken', () => user.crm.restoreCustomer(deleted.id));
      expect(await customers.rowOf(deleted.id)).toMatchObject({ is_deleted: 1, version: 2 });

      await user.crm.updateCustomer(successor, { email: newCustomer().email });
      expect(await user.crm.restoreCustomer(deleted.id)).toMatchObject({ email: deleted.email, version: 3 });
      expect(await customers.rowOf(deleted.id)).toMatchObject({ is_deleted: 0, version: 3 });
    });

    it('allows several deleted customers with the same e-mail', async () => {
      const { email } = await customers.createDeleted();
      await customers.createDeleted({ email });
      await customers.create({ email });
      const rows = await customers.query('SELECT is_deleted FROM customers WHERE email = ? ORDER BY id', [email]);
      expect(rows.map((row) => row.is_deleted)).toEqual([1, 1, 0]);
    });
  });
});
