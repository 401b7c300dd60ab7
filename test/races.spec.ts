import type { Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { expectCode, Rows, sendUnchecked, times } from './support/rows.js';
import { newCustomer, startService, type TestService } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number; email: string; password: string };
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  describe('races', () => {
    it('creates one customer of 50 with the same e-mail', async () => {
      const { email } = newCustomer();
      const answers = await times(50, (n) =>
        user.post('/customers', newCustomer({ email: n % 2 ? email : email.toUpperCase() })),
      );
      for (const answer of answers) if (answer.status !== 201) expectCode(answer, 409, 'email_taken');
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(await rows.withEmail(email)).toBe(1);
      const { id } = answers.find(({ status }) => status === 201)!.body;
      expect(await rows.history(id)).toHaveLength(1);
    });

    it('gives one of 10 customers an e-mail that all are changed to', async () => {
      const { email } = newCustomer();
      const customers = await times(10, () => rows.create());
      const answers = await times(10, (n) => user.patch(`/customers/${customers[n].id}`, { email }));
      for (const answer of answers) if (answer.status !== 200) expectCode(answer, 409, 'email_taken');
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(await rows.withEmail(email)).toBe(1);
      const versions = await Promise.all(customers.map(async ({ id }) => (await rows.customer(id)).version as number));
      expect(versions.filter((version) => version === 2)).toHaveLength(1);
    });

    it('either restores a customer or gives the e-mail to another', async () => {
      const { id, email } = await rows.create();
      await user.delete(`/customers/${id}`);
      const answers = await Promise.all([
        ...Array.from({ length: 5 }, () => user.post('/customers', newCustomer({ email }))),
        user.post(`/customers/${id}/restore`),
        ...Array.from({ length: 5 }, () => user.post('/customers', newCustomer({ email }))),
      ]);
      for (const answer of answers) if (answer.status >= 300) expectCode(answer, 409, 'email_taken');
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
      expect(await rows.count('customers WHERE email = ? AND is_deleted = 0', [email])).toBe(1);
    });

    it('lets none of 1,000 stale changes through', async () => {
      const { id } = await rows.create();
      expect((await user.patch(`/customers/${id}`, { name: 'Second' })).status).toBe(200);
      const [row, history] = [await rows.customer(id), await rows.history(id)];
      const stale = ['"v1"', 'W/"v1"', '"v1-gzip"', '"v3"', '"v1", "v3"'];
      for (let batch = 0; batch < 20; batch++) {
        const answers = await times(50, (n) =>
          sendUnchecked(
            service.admin,
            'PATCH',
            `/customers/${id}`,
            { name: `Stale ${n}` },
            { 'if-match': stale[n % stale.length]! },
          ),
        );
        for (const { status, text } of answers) {
          expect(status).toBe(412);
          expect(JSON.parse(text)).toMatchObject({ code: 'version_conflict', currentVersion: 2 });
        }
      }
      expect(await rows.customer(id)).toEqual(row);
      expect(await rows.history(id)).toEqual(history);
    });

    it('lets one of 20 changes of the same version through', async () => {
      const { id } = await rows.create();
      const answers = await times(20, (n) =>
        user.patch(`/customers/${id}`, { name: `Name ${n}` }, { headers: { 'if-match': '"v1"' } }),
      );
      const winner = answers.findIndex(({ status }) => status === 200);
      for (const [n, answer] of answers.entries()) if (n !== winner) expectCode(answer, 412, 'version_conflict');
      expect(await rows.customer(id)).toMatchObject({ name: `Name ${winner}`, version: 2 });
      expect(await rows.history(id)).toHaveLength(2);
    });

    it('makes 20 changes without If-Match one after the other', async () => {
      const { id, name } = await rows.create();
      const answers = await times(20, (n) => user.patch(`/customers/${id}`, { name: `Name ${n}` }));
      for (const answer of answers) if (answer.status !== 200) expectCode(answer, 503, 'database_unavailable');
      const versions = answers.filter(({ status }) => status === 200).map(({ body }) => body.version as number);
      expect(versions.length).toBeGreaterThan(0);
      expect(versions.sort((a, b) => a - b)).toEqual(versions.map((_, index) => index + 2));
      const history = await rows.history(id);
      expect(history.map(({ version }) => version as number)).toEqual([1, ...versions]);

      // each change starts from what the one before it left
      let last = name;
      for (const { version, changes } of (await user.get(`/customers/${id}/history?limit=200`)).body.data.reverse()) {
        if (version > 1) expect(changes.name[0]).toBe(last);
        last = changes.name[1];
      }
      expect(await rows.customer(id)).toMatchObject({ name: last, version: versions.length + 1 });
    });

    it('keeps changes of different members that are made at once', async () => {
      const { id } = await rows.create();
      const changes = [{ name: 'Eva' }, { surname: 'Núñez' }, { company: 'Cruz & Hijos' }, { notes: 'Note' }];
      const answers = await Promise.all(changes.map((change) => user.patch(`/customers/${id}`, change)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(await rows.customer(id)).toMatchObject({ ...Object.assign({}, ...changes), version: 5 });
    });

    it('deletes once when it is asked to 10 times at once', async () => {
      const { id } = await rows.create();
      const answers = await times(10, () => user.delete(`/customers/${id}`));
      for (const answer of answers) if (answer.status !== 204) expectCode(answer, 404, 'customer_not_found');
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
      expect(await rows.customer(id)).toMatchObject({ is_deleted: 1, version: 2 });
      expect(await rows.history(id)).toHaveLength(2);
    });
  });
});
