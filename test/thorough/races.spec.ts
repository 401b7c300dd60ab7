import { type Client, persist } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { expectCode, Rows, sendUnchecked, times } from '../support/rows.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number; email: string; password: string };
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  describe('the API', () => {
    it('creates one customer for 50 concurrent requests with the same e-mail', async () => {
      const { email } = newCustomer();
      const responses = await times(50, (n) =>
        persist(() => user.post('/customers', newCustomer({ email: n % 2 ? email : email.toUpperCase() }))),
      );
      for (const response of responses) if (response.status !== 201) expectCode(response, 409, 'email_taken');
      expect(responses.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(await rows.withEmail(email)).toBe(1);
      const { id } = responses.find(({ status }) => status === 201)!.body;
      expect(await rows.history(id)).toHaveLength(1);
    });

    it('gives an e-mail to one of 10 customers that are concurrently changed to it', async () => {
      const { email } = newCustomer();
      const customers = await times(10, () => rows.create());
      const responses = await times(10, (n) => persist(() => user.patch(`/customers/${customers[n]!.id}`, { email })));
      for (const response of responses) if (response.status !== 200) expectCode(response, 409, 'email_taken');
      expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(await rows.withEmail(email)).toBe(1);
      const versions = await Promise.all(customers.map(async ({ id }) => (await rows.customer(id)).version as number));
      expect(versions.filter((version) => version === 2)).toHaveLength(1);
    });

    it('either restores a customer or creates another one with its e-mail', async () => {
      const { id, email } = await rows.create();
      await user.delete(`/customers/${id}`);
      const responses = await Promise.all([
        ...Array.from({ length: 5 }, () => persist(() => user.post('/customers', newCustomer({ email })))),
        persist(() => user.post(`/customers/${id}/restore`)),
        ...Array.from({ length: 5 }, () => persist(() => user.post('/customers', newCustomer({ email })))),
      ]);
      for (const response of responses) if (response.status >= 300) expectCode(response, 409, 'email_taken');
      expect(responses.filter(({ status }) => status < 300)).toHaveLength(1);
      expect(await rows.count('customers WHERE email = ? AND is_deleted = 0', [email])).toBe(1);
    });

    it('rejects all of 1,000 changes with a stale If-Match', async () => {
      const { id } = await rows.create();
      expect((await user.patch(`/customers/${id}`, { name: 'Second' })).status).toBe(200);
      const [row, history] = [await rows.customer(id), await rows.history(id)];
      const stale = ['"v1"', 'W/"v1"', '"v1-gzip"', '"v3"', '"v1", "v3"'];
      for (let batch = 0; batch < 20; batch++) {
        const responses = await times(50, (n) =>
          persist(() =>
            sendUnchecked(
              service.admin,
              'PATCH',
              `/customers/${id}`,
              { name: `Stale ${n}` },
              { 'if-match': stale[n % stale.length]! },
            ),
          ),
        );
        for (const { status, text } of responses) {
          expect(status).toBe(412);
          expect(JSON.parse(text)).toMatchObject({ code: 'version_conflict', currentVersion: 2 });
        }
      }
      expect(await rows.customer(id)).toEqual(row);
      expect(await rows.history(id)).toEqual(history);
    });

    it('applies one of 20 concurrent changes with the same If-Match', async () => {
      const { id } = await rows.create();
      const responses = await times(20, (n) =>
        persist(() => user.patch(`/customers/${id}`, { name: `Name ${n}` }, { headers: { 'if-match': '"v1"' } })),
      );
      const winner = responses.findIndex(({ status }) => status === 200);
      for (const [n, response] of responses.entries()) if (n !== winner) expectCode(response, 412, 'version_conflict');
      expect(await rows.customer(id)).toMatchObject({ name: `Name ${winner}`, version: 2 });
      expect(await rows.history(id)).toHaveLength(2);
    });

    it('serializes 20 concurrent changes without If-Match', async () => {
      const { id, name } = await rows.create();
      const responses = await times(20, (n) => user.patch(`/customers/${id}`, { name: `Name ${n}` }));
      for (const response of responses) if (response.status !== 200) expectCode(response, 503, 'database_unavailable');
      const versions = responses.filter(({ status }) => status === 200).map(({ body }) => body.version as number);
      expect(versions.length).toBeGreaterThan(0);
      expect(versions.sort((a, b) => a - b)).toEqual(versions.map((_, index) => index + 2));
      const history = await rows.history(id);
      expect(history.map(({ version }) => version as number)).toEqual([1, ...versions]);

      // each change starts from the result of the previous one
      let last = name;
      for (const { version, changes } of (await user.get(`/customers/${id}/history?limit=200`)).body.data.reverse()) {
        if (version > 1) expect(changes.name[0]).toBe(last);
        last = changes.name[1];
      }
      expect(await rows.customer(id)).toMatchObject({ name: last, version: versions.length + 1 });
    });

    it('keeps all concurrent changes to different members', async () => {
      const { id } = await rows.create();
      const changes = [{ name: 'Eva' }, { surname: 'Núñez' }, { company: 'Cruz & Hijos' }, { notes: 'Note' }];
      const responses = await Promise.all(
        changes.map((change) => persist(() => user.patch(`/customers/${id}`, change))),
      );
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(await rows.customer(id)).toMatchObject({ ...Object.assign({}, ...changes), version: 5 });
    });

    it('deletes a customer once for 10 concurrent requests', async () => {
      const { id } = await rows.create();
      const responses = await times(10, () => persist(() => user.delete(`/customers/${id}`)));
      for (const response of responses) if (response.status !== 204) expectCode(response, 404, 'customer_not_found');
      expect(responses.filter(({ status }) => status === 204)).toHaveLength(1);
      expect(await rows.customer(id)).toMatchObject({ is_deleted: 1, version: 2 });
      expect(await rows.history(id)).toHaveLength(2);
    });
  });
});
