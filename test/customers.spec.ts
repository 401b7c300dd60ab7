import { onEveryDatabase } from './support/databases.js';
import { newCustomer, startService, type TestService } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  it('creates a customer', async () => {
    const { status, body, headers } = await service.admin.post('/customers', newCustomer({ company: 'Cruz & Hijos' }));
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'Ana María', company: 'Cruz & Hijos', phone: null, photo: null, version: 1 });
    expect(headers.get('etag')).toBe('"v1"');
    expect(headers.get('location')).toBe(`/customers/${body.id}`);
  });
});
