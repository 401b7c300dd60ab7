import type { Answer, Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { findInDatabase } from '../support/residue.js';
import { keyed, Rows, times } from '../support/rows.js';
import { newCustomer, startService, type TestService, unique } from '../support/service.js';

const ROUNDS = 6;
/** Besides the success: another request came first, or the database gave up after its retries. */
const LOST = [404, 409, 410, 412, 503];

onEveryDatabase((kind) => {
  let services: TestService[];
  let users: Client[];
  const rows = new Rows(() => services[0]!);

  beforeAll(async () => {
    const first = await startService(kind);
    // two instances on a server; the embedded database belongs to one process
    services = kind === 'MariaDB' ? [first, await startService(kind, { beside: first })] : [first];
    const user = await first.user();
    users = services.map(({ anonymous }) => anonymous.as(user.accessToken));
  });
  afterAll(async () => {
    for (const service of services.toReversed()) await service.close();
  });

  const userOf = (n: number): Client => users[n % users.length]!;
  const adminOf = (n: number): Client => services[n % services.length]!.anonymous.as(services[0]!.admin.accessToken);
  const merge = (n: number, id: number, from: number, headers = {}): Promise<Answer> =>
    userOf(n).post(`/customers/${id}/merge`, { from }, { headers });

  const create = async (values: Record<string, unknown> = {}): Promise<any> => {
    const { status, body } = await userOf(0).post('/customers', form(newCustomer(values), await anotherJpeg()));
    expect(status).toBe(201);
    return body;
  };
  const isServed = async (url: string): Promise<boolean> => (await fetch(url)).status === 200;

  /** Every version has one history entry, and every merged customer points to one that the history knows. */
  async function expectConsistent(...ids: number[]): Promise<void> {
    for (const id of ids) {
      const row = await rows.customer(id);
      const history = await rows.history(id);
      expect(history.map(({ version }) => version)).toEqual(Array.from({ length: row.version }, (_, n) => n + 1));
      if (row.merged_into !== null) expect(row.is_deleted).toBe(1);
    }
  }

  it('merges two customers into each other once, and deletes one of them', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = [await create(), await create()];
      const answers = await Promise.all([
        merge(0, one.id, other.id),
        merge(1, other.id, one.id),
        merge(1, one.id, other.id),
        merge(0, other.id, one.id),
      ]);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const { status } of answers) expect([200, 404, 503]).toContain(status);
      const stored = [await rows.customer(one.id), await rows.customer(other.id)];
      expect(stored.map(({ is_deleted }) => is_deleted).toSorted()).toEqual([0, 1]);
      expect(stored.map(({ version }) => version)).toEqual([2, 2]);
      await expectConsistent(one.id, other.id);
    }
  });

  it('merges a customer into one of several', async () => {
    const other = await create({ phone: '+34600123456' });
    const targets = await times(6, () => rows.create());
    const answers = await times(6, (n) => merge(n, targets[n]!.id, other.id));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const filled = await Promise.all(targets.map(async ({ id }) => (await rows.customer(id)).phone as string | null));
    expect(filled.filter((phone) => phone !== null)).toHaveLength(1);
    await expectConsistent(other.id, ...targets.map(({ id }) => id));
  });

  it('merges once for concurrent requests with the same Idempotency-Key', async () => {
    const [stays, other] = [await rows.create(), await create()];
    const { headers } = keyed(unique());
    const answers = await times(10, (n) => merge(n, stays.id, other.id, headers));
    const merged = answers.filter(({ status }) => status === 200);
    for (const { status, body } of answers) if (status !== 200) expect([409, 503]).toContain(body.status);
    // each instance has its own origin, with which the URLs of photos start
    expect(new Set(merged.map(({ body }) => JSON.stringify({ ...body, photo: null }))).size).toBe(1);
    expect(await rows.history(stays.id)).toHaveLength(2);
  });

  it('keeps every photo through merges and restores', async () => {
    const customers = [await create(), await rows.create(), await rows.create()];
    const [photo, first, second] = customers.map(({ id }) => id) as [number, number, number];
    await times(24, (n) => {
      const target = n % 2 ? first : second;
      if (n % 4 === 3) return userOf(n).post(`/customers/${n % 8 === 3 ? first : photo}/restore`);
      return n % 4 === 2 ? merge(n, first, second) : merge(n, target, photo);
    });
    await expectConsistent(photo, first, second);
    const stored = await Promise.all([photo, first, second].map((id) => rows.customer(id)));
    expect(stored.filter(({ photo_key }) => photo_key !== null)).toHaveLength(1);
    for (const { id, is_deleted } of stored) {
      if (is_deleted) continue;
      const { body } = await userOf(0).get(`/customers/${id}`);
      if (body.photo) expect(await isServed(body.photo.url)).toBe(true);
    }
  });

  it('lets nothing of an erased customer come back through what happens at the same time', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const mark = `zq${unique().replace('-', 'x')}`;
      const values = newCustomer({ email: `${mark}@example.com`, name: mark, notes: mark });
      const { headers } = keyed(unique());
      const { body: customer } = await userOf(0).post('/customers', values, { headers });
      const [other, target] = [await rows.create(), await rows.create()];
      const path = `/customers/${customer.id}`;
      const photo = await anotherJpeg();
      const image = { headers: { 'content-type': 'image/jpeg' } };
      const answers = await Promise.all([
        ...[0, 1, 2].map((n) => userOf(n).patch(path, { notes: `${mark} ${n}` })),
        userOf(1).put(`${path}/photo`, photo, image),
        merge(0, customer.id, other.id),
        merge(1, target.id, customer.id, keyed(unique()).headers),
        adminOf(round).post(`${path}/erase`),
        userOf(1).delete(path),
        userOf(0).post(`${path}/restore`),
        userOf(1).post(`${path}/revert`, { version: 1 }),
        userOf(0).post('/customers', values, { headers }),
        adminOf(1).post(`${path}/erase`),
        userOf(0).put(`${path}/photo`, await anotherJpeg(), image),
      ]);
      for (const { status } of answers) expect([200, 201, 204, ...LOST]).toContain(status);
      // deadlocks may have refused both
      if (answers[6].status !== 204 && answers[11]!.status !== 204)
        expect((await adminOf(0).post(`${path}/erase`)).status).toBe(204);
      expect((await userOf(0).get(path)).status).toBe(410);
      const { merged_into: mergedInto } = await rows.customer(customer.id);
      // what another customer has taken over before is its own
      if (mergedInto === null) expect(await findInDatabase(services[0]!, mark)).toEqual([]);
      expect(await rows.customer(customer.id)).toMatchObject({ name: '', notes: null, photo_key: null });
      const replay = await userOf(0).post('/customers', values, { headers });
      expect(replay.status).toBe(410);
      await expectConsistent(customer.id, other.id, target.id);
    }
  });

  it('erases a person once, also while customers are merged and restored', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [stays, other] = [await rows.create(), await rows.create()];
      await merge(0, stays.id, other.id);
      const answers = await Promise.all([
        adminOf(0).post(`/customers/${stays.id}/erase`),
        userOf(1).post(`/customers/${other.id}/restore`),
        adminOf(1).post(`/customers/${stays.id}/erase`),
      ]);
      for (const { status } of answers) expect([200, 204, ...LOST]).toContain(status);
      const erased = (await rows.history(stays.id)).filter(({ action }) => action === 'erased');
      expect(erased.length).toBeLessThanOrEqual(1);
      const [{ erased_at: first }, { erased_at: second, merged_into: into }] = [
        await rows.customer(stays.id),
        await rows.customer(other.id),
      ];
      // restored before, it is another person; otherwise it is erased with the one it was merged into
      if (first !== null) expect(second === null).toBe(into === null);
      await expectConsistent(stays.id, other.id);
    }
  });
});
