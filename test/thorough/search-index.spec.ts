import { CustomersService } from '../../src/customers/customers.service.js';
import { StaleRows } from '../../src/search/stale-rows.js';
import { ResourceWriter } from '../../src/writes/resource-writer.js';
import { Transactions } from '../../src/writes/transactions.js';
import { onEveryDatabase } from '../support/databases.js';
import { Rows } from '../support/rows.js';
import { newCustomer, newUser, startService, type TestService, unique } from '../support/service.js';

const NO_PHOTO = { photoKey: null, photoWidth: null, photoHeight: null, photoUrl: null };
const CONTEXT = { actorId: 1, requestId: 'test' };

onEveryDatabase((kind) => {
  let service: TestService;
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const wordsOf = async (id: number, table = 'customer_words'): Promise<string[]> => {
    const found = await rows.query(`SELECT is_deleted, word FROM ${table} WHERE id = ?`, [id]);
    return found.map(({ is_deleted: isDeleted, word }) => `${isDeleted}${word}`).sort();
  };

  it('follows every write of a customer', async () => {
    const email = `o.brien@x${unique()}.example`.replaceAll('-', 'y');
    const host = email.slice(8, -8);
    const ofEmail = ['0o', '0brien', `0${host}`, '0example', `0${email}`.slice(0, 33)];
    const { id } = await rows.create({
      email,
      name: 'Zoë',
      surname: 'O’Brien',
      company: 'Straße 54',
      phone: '+4917612345',
    });
    const path = `/customers/${id}`;
    const words = [...ofEmail, '0zoe', '0strasse', '054', '04917612345', '017612345', '0017612345'].sort();
    expect(await wordsOf(id)).toEqual(words);
    expect(await rows.customer(id)).toMatchObject({
      name_key: 'zoe',
      surname_key: "o'brien",
      company_key: 'strasse 54',
      email_sort: email,
      email_key: email,
      has_photo: 0,
      is_stale: 0,
    });

    await service.admin.patch(path, { company: 'Łódź 54', phone: null });
    expect(await wordsOf(id)).toEqual([...ofEmail, '0zoe', '0lodz', '054'].sort());
    await service.admin.patch(path, { company: null, name: 'Zoe' });
    const last = [...ofEmail, '0zoe'].sort();
    expect(await wordsOf(id)).toEqual(last);
    await service.admin.delete(path);
    expect(await wordsOf(id)).toEqual(last.map((word) => word.replace('0', '1')).sort());
    await service.admin.post(`${path}/restore`);
    expect(await wordsOf(id)).toEqual(last);
    expect(await rows.customer(id)).toMatchObject({ company_key: null, is_stale: 0 });
  });

  it('follows every write of a user', async () => {
    const { body } = await service.admin.post('/users', newUser({ name: 'Ægir', surname: 'Ødegård' }));
    expect(await wordsOf(body.id, 'user_words')).toEqual(expect.arrayContaining(['0aegir', '0odegard', '0example']));
    await service.admin.patch(`/users/${body.id}`, { name: 'Þór' });
    expect(await wordsOf(body.id, 'user_words')).not.toContain('0aegir');
    expect(await wordsOf(body.id, 'user_words')).toContain('0thor');
  });

  it('rolls back with the row', async () => {
    const { id } = await rows.create();
    const before = await wordsOf(id);
    const { resource } = service.app.get(CustomersService);
    const failing = service.app.get(ResourceWriter).update(resource, CONTEXT, id, {
      action: 'updated',
      set: () => ({ name: 'Rolled back' }),
      afterUpdate: () => Promise.reject(new Error('expected')),
    });
    await expect(failing).rejects.toThrow('expected');
    expect(await wordsOf(id)).toEqual(before);
  });

  describe('many rows in one transaction', () => {
    const create = (emails: string[]): Promise<any[]> =>
      service.app.get(Transactions).run((manager) =>
        service.app.get(ResourceWriter).createManyIn(
          manager,
          service.app.get(CustomersService).resource,
          CONTEXT,
          emails.map((email, n) => ({
            ...(newCustomer({ email, name: `Name ${n}` }) as any),
            phone: null,
            company: null,
            notes: null,
            ...NO_PHOTO,
          })),
        ),
      );

    it('are created with history and words, and get their own ids', async () => {
      const emails = Array.from({ length: 223 }, () => newCustomer().email);
      const created = await create(emails);
      expect(new Set(created.map(({ id }) => id)).size).toBe(223);
      for (const n of [0, 199, 200, 222]) {
        const { body } = await service.admin.get(`/customers/${created[n].id}`);
        expect(body).toMatchObject({ email: emails[n], name: `Name ${n}`, version: 1, createdBy: 1 });
        expect(await wordsOf(body.id)).toEqual(expect.arrayContaining(['0name', `0${n}`, '0example']));
        expect(await rows.history(body.id)).toHaveLength(1);
      }
    });

    it('are not created if one e-mail is taken', async () => {
      const { email } = await rows.create();
      const before = await rows.everything();
      await expect(create([newCustomer().email, email, newCustomer().email])).rejects.toThrow();
      expect(await rows.everything()).toEqual(before);
    });

    it('may be none', async () => {
      expect(await create([])).toEqual([]);
    });
  });

  describe('rows that another writer has changed', () => {
    const indexAll = (): Promise<void> => service.app.get(StaleRows).indexAll();
    const insert = async (name: string): Promise<number> => {
      const { email } = newCustomer();
      await rows.query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES (?, ?, 'Flask', 1, 1, '2024-01-01 00:00:00', '2024-01-01 00:00:00', 0)`,
        [email, name],
      );
      return (await rows.query('SELECT id FROM customers WHERE email = ?', [email]))[0].id;
    };

    it('are indexed', async () => {
      const id = await insert('Ñandú');
      const user = (await rows.query(`SELECT MAX(id) + 1 AS id FROM users`))[0].id;
      await rows.query(`INSERT INTO users (id, name, surname, is_deleted) VALUES (?, 'Ñandú', 'Flask', 0)`, [user]);
      await indexAll();
      expect(await wordsOf(id)).toEqual(expect.arrayContaining(['0nandu', '0flask', '0example']));
      expect(await wordsOf(user, 'user_words')).toEqual(['0flask', '0nandu']);
      expect(await rows.customer(id)).toMatchObject({ name_key: 'nandu', is_stale: 0 });
      expect(await rows.count('users WHERE is_stale = 1')).toBe(0);

      await rows.query(`UPDATE customers SET name = 'Łoś', last_modified_at = '2024-01-01 00:00:01' WHERE id = ?`, [
        id,
      ]);
      await rows.query(
        `UPDATE customers SET surname = 'Deleted', is_deleted = 1, last_modified_at = '2024-01-01 00:00:02' WHERE id = ?`,
        [id],
      );
      await indexAll();
      const words = await wordsOf(id);
      expect(words).toEqual(expect.arrayContaining(['1los', '1deleted']));
      expect(words.filter((word) => word.startsWith('0'))).toEqual([]);
      expect(words).not.toContain('1flask');
      expect(await rows.count('customers WHERE is_stale = 1')).toBe(0);
    });

    it('are indexed by a change that comes before', async () => {
      const id = await insert('First');
      await indexAll();
      await rows.query(
        `UPDATE customers SET name = 'Second', is_deleted = 1, last_modified_at = '2024-01-01 00:00:01' WHERE id = ?`,
        [id],
      );
      await service.admin.post(`/customers/${id}/restore`);
      await service.admin.patch(`/customers/${id}`, { company: 'Third' });
      expect(await wordsOf(id)).toEqual(expect.arrayContaining(['0second', '0flask', '0third']));
      expect((await wordsOf(id)).filter((word) => /^1|first/.test(word))).toEqual([]);
    });

    it('are indexed when an instance starts, in several batches', async () => {
      const [{ id: last }] = await rows.query('SELECT MAX(id) AS id FROM customers');
      const values = Array.from(
        { length: 1100 },
        (_, n) => `('bulk-${n}@example.com', 'Búlk ${n}', 'Row', 1, 1, '2024-01-01', '2024-01-01', 0)`,
      );
      await rows.query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES ${values.join(', ')}`,
      );
      if (kind === 'SQLite') await indexAll();
      else await (await startService(kind, { beside: service })).close();
      expect(await rows.count('customers WHERE is_stale = 1')).toBe(0);
      expect(await rows.count(`customer_words WHERE word = 'bulk' AND id > ?`, [last])).toBe(1100);
    });
  });

  it('uses its indexes to find and delete', async () => {
    const { resource } = service.app.get(CustomersService);
    const { words } = resource.derivedData as unknown as { words: { deleteStatement: string } };
    const statement = words.deleteStatement;
    const explain = kind === 'SQLite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN FORMAT=TRADITIONAL';
    const plan = await rows.query(`${explain} ${statement}`, [JSON.stringify([[0, 'a', 1]])]);
    const text = JSON.stringify(plan);
    expect(text).toMatch(kind === 'SQLite' ? /SEARCH customer_words USING PRIMARY KEY/ : /eq_ref/);
    expect(text).not.toMatch(/SCAN customer_words|"type":"(ALL|index)","possible_keys":"PRIMARY"/);
  });
});
