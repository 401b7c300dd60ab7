import { at } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import {
  type CustomerRow,
  type CustomersQuery,
  ListFixture,
  newRow,
  type Sort,
  TIMES,
} from './support/list-fixture.js';
import { newCustomer, newUser, startService, type TestService, unique } from './support/service.js';

const COLUMNS = {
  id: 'id',
  name: 'name_key',
  surname: 'surname_key',
  email: 'email_sort',
  createdAt: 'created_at',
  lastModifiedAt: 'last_modified_at',
};
const SORTS = Object.keys(COLUMNS).flatMap((sort) => [sort, `-${sort}`]) as Sort[];

/** Names that some collations treat as equal and others as different. */
const NAMES = [
  'ana',
  'Ana',
  'ANA',
  'Ána',
  'aña',
  'Zoë',
  'zoe',
  'Öl',
  'ol',
  'straße',
  'STRASSE',
  '😀',
  '😁',
  '李',
  "O'N",
];

onEveryDatabase((kind) => {
  let service: TestService;
  let lists: ListFixture;

  beforeAll(async () => {
    service = await startService(kind);
    lists = new ListFixture(service);
  });
  afterAll(() => service.close());

  describe('order and pages', () => {
    let owner: number;

    beforeAll(async () => {
      owner = await lists.newOwner();
      await lists.insertCustomers(
        Array.from({ length: 52 }, (_, n) => {
          const email = newCustomer().email;
          return newRow(owner, {
            // steps coprime to the lengths, so that no sort order equals the order of ids
            name: NAMES[(n * 7) % NAMES.length],
            surname: NAMES[(n * 4) % 5],
            email: n % 3 === 0 ? email.toUpperCase() : n % 5 === 0 ? `é${email}` : email,
            createdAt: TIMES[(n * 3) % TIMES.length],
            modifiedAt: TIMES[(n * 7 + 1) % TIMES.length],
            isDeleted: n % 13 === 0,
          });
        }),
      );
    });

    it('lists the newest first by default', async () => {
      const rows = await lists.query('SELECT id FROM customers WHERE is_deleted = 0 ORDER BY id DESC LIMIT 50');
      expect(await lists.listIds('/customers', { limit: 50 })).toEqual(rows.map(({ id }) => id));
      expect(await lists.listIds('/customers', { createdBy: owner })).toEqual(
        await lists.listIds('/customers', { createdBy: owner, sort: '-id' }),
      );
    });

    it.each(SORTS)('lists every customer once, in the order of its key, by %s', async (sort) => {
      const column = COLUMNS[sort.replace('-', '') as keyof typeof COLUMNS];
      const direction = sort.startsWith('-') ? 'DESC' : 'ASC';
      for (const deleted of [0, 1]) {
        const query = { createdBy: owner, sort, ...(deleted && { deleted: true }) };
        const walked = await lists.walk('/customers', { ...query, limit: deleted ? 1 : 5 });
        const rows = await lists.query(
          `SELECT id FROM customers WHERE created_by = ? AND is_deleted = ? ORDER BY ${column} ${direction}, id ${direction}`,
          [owner, deleted],
        );
        expect(rows).toHaveLength(deleted ? 4 : 48);
        expect(walked).toEqual(rows.map(({ id }) => id));
      }
    });

    it('lists every customer once to a client that reads all pages', async () => {
      const query = { createdBy: owner, sort: 'name', limit: 5 } as const;
      const ids: number[] = [];
      for await (const { id } of service.admin.crm.pages('/customers', { params: { query } })) ids.push(id);
      expect(ids).toHaveLength(48);
      expect(ids).toEqual(await lists.listIds('/customers', { ...query, limit: 48 }));
    });

    it('lists descending in the reverse of the ascending order', async () => {
      for (const sort of Object.keys(COLUMNS) as Array<keyof typeof COLUMNS>) {
        const ascending = await lists.walk('/customers', { createdBy: owner, sort, limit: 20 });
        const descending = await lists.walk('/customers', { createdBy: owner, sort: `-${sort}`, limit: 20 });
        expect(descending).toEqual(ascending.reverse());
      }
    });

    it('has no next page after a page that is exactly full', async () => {
      const { items, page, headers } = await lists.list('/customers', { createdBy: owner, limit: 48 });
      expect(items).toHaveLength(48);
      expect(page).toEqual({ next: null });
      expect(headers.get('link')).toBeNull();
      const shorter = await lists.list('/customers', { createdBy: owner, limit: 47 });
      expect(shorter.page.next).toEqual(expect.any(String));
    });

    it('links to the next page with all query parameters', async () => {
      const query = { createdBy: owner, sort: '-name', count: true, limit: 7 } as const;
      const first = await lists.list('/customers', query);
      const { next } = first.page;
      const link = /^<(\/customers\?.*)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1];
      expect(Object.fromEntries(new URLSearchParams(link?.split('?')[1]))).toEqual({
        createdBy: String(owner),
        sort: '-name',
        count: 'true',
        limit: '7',
        cursor: next,
      });
      const { data } = await service.admin.crm.GET('/customers', { params: { query: { ...query, cursor: next! } } });
      const byLink = await service.admin.get(link!);
      expect([byLink.status, byLink.body]).toEqual([200, data]);
      expect(byLink.headers.get('link')).not.toContain(next);
    });

    it('accepts another limit with a cursor', async () => {
      const query = { createdBy: owner, sort: 'name' } as const;
      const first = await lists.list('/customers', { ...query, limit: 5 });
      const rest = await lists.list('/customers', { ...query, limit: 200, cursor: first.page.next! });
      expect([...first.ids, ...rest.ids]).toEqual(await lists.listIds('/customers', { ...query, limit: 200 }));
    });
  });

  it.each(['-id', 'id', 'name', '-name'] as const)(
    'neither repeats nor skips customers when others are inserted and deleted between pages, by %s',
    async (sort) => {
      const owner = await lists.newOwner();
      const nameOf = (n: number): string => `row ${String(n).padStart(4, '0')}`;
      await lists.insertCustomers(
        Array.from({ length: 30 }, (_, n) => newRow(owner, { name: nameOf(10 * (n + 1)), email: `${unique()}@x.org` })),
      );
      const query = { createdBy: owner, sort };
      const existing = await lists.listIds('/customers', { ...query, limit: 200 });
      const deleted = new Set<number>();
      const remove = async (id: number): Promise<void> => {
        deleted.add(id);
        await service.admin.crm.DELETE('/customers/{id}', at(id));
      };
      const added: CustomerRow[] = [];
      const listed: number[] = [];

      const ids = await lists.walk('/customers', { ...query, limit: 5 }, async (page) => {
        listed.push(...page.map(({ id }) => id));
        const last = page.at(-1)!;
        const ahead = existing.filter((id) => !listed.includes(id) && !deleted.has(id));
        // the row of the cursor, a row already listed, and the next row
        for (const id of [last.id, page[0]!.id, ahead[0]].filter((id) => id !== undefined)) await remove(id);
        const position = Number(last.name.slice(4));
        const between = [-1, 1].map((step) => newRow(owner, { name: nameOf(position + step) }));
        if (added.length < 6) {
          await lists.insertCustomers(between);
          added.push(...between);
        }
      });

      expect(new Set(ids).size).toBe(ids.length);
      // rows that existed throughout, and rows that were listed before their deletion
      const expected = existing.filter((id) => !deleted.has(id) || listed.includes(id));
      expect(ids.filter((id) => existing.includes(id))).toEqual(expected);
      expect(deleted.size).toBeGreaterThan(5);
      // by name, one row of each pair is before the cursor and one after it; by id, all are before or all are after it
      expect(added).toHaveLength(6);
      const isNew = ids.filter((id) => !existing.includes(id));
      expect(isNew).toHaveLength({ '-id': 0, id: 6, name: 3, '-name': 3 }[sort]);
    },
  );

  describe('limit', () => {
    it.each(['0', '-1', '201', '1e2', 'abc', '', '1.5', '0x10', 'NaN', 'null', '99999999999', '+5', '%205', '1;2'])(
      'refuses %j',
      async (limit) => {
        await lists.expectInvalid(`/customers?limit=${limit}`, 'limit');
        await lists.expectInvalid(`/users?limit=${limit}`, 'limit');
      },
    );

    it('refuses a repeated parameter', async () => {
      await lists.expectInvalid('/customers?limit=5&limit=5', 'limit');
    });

    it('accepts 1 to 200, and defaults to 50', async () => {
      const owner = await lists.newOwner();
      await lists.insertCustomers(Array.from({ length: 201 }, () => newRow(owner)));
      for (const [limit, length] of [
        [1, 1],
        [undefined, 50],
        [200, 200],
      ] as const) {
        const { items, page } = await lists.list('/customers', { createdBy: owner, limit });
        expect(items).toHaveLength(length);
        expect(page.next).toEqual(expect.any(String));
      }
    });
  });

  describe('lists of users', () => {
    const columns: Record<string, string> = { ...COLUMNS, lastModifiedAt: 'modified_at' };

    beforeAll(async () => {
      for (let n = 0; n < 9; n++) {
        const names = { name: NAMES[(n * 4) % 5], surname: NAMES[n % 3], password: undefined };
        await service.admin.crm.POST('/users', { body: newUser(names) });
      }
      // as the Flask service may have left them: without e-mail, times and creator
      for (const name of ['Zoë', 'ana', 'Ana'])
        await lists.query(`INSERT INTO users (name, surname, is_deleted) VALUES (?, 'Ana', 0)`, [name]);
    });

    it.each(SORTS)('lists every user once, in the order of its key, by %s', async (sort) => {
      const direction = sort.startsWith('-') ? 'DESC' : 'ASC';
      const walked = await lists.walk('/users', { sort, limit: 4 });
      const rows = await lists.query(
        `SELECT id FROM users WHERE is_deleted = 0 ORDER BY ${columns[sort.replace('-', '')]} ${direction}, id ${direction}`,
      );
      expect(rows.length).toBeGreaterThan(12);
      expect(walked).toEqual(rows.map(({ id }) => id));
    });

    it('lists the newest first by default', async () => {
      expect(await lists.listIds('/users', { limit: 10 })).toEqual(
        await lists.listIds('/users', { limit: 10, sort: '-id' }),
      );
    });

    it('filters by e-mail, creator, time and deletion', async () => {
      const modifiedSince = new Date().toISOString();
      const { data: user } = await service.admin.crm.POST('/users', { body: newUser({ password: undefined }) });
      const email = user.email!;
      expect(await lists.listIds('/users', { email: email.toUpperCase() })).toEqual([user.id]);
      expect(await lists.listIds('/users', { modifiedSince })).toEqual([user.id]);
      expect(await lists.listIds('/users', { createdBy: user.createdBy!, limit: 1 })).toEqual([user.id]);
      expect(await lists.listIds('/users', { createdBy: user.id })).toEqual([]);
      expect(await lists.listIds('/users', { email, deleted: true })).toEqual([]);
      await service.admin.crm.DELETE('/users/{id}', at(user.id));
      expect(await lists.listIds('/users', { email })).toEqual([]);
      expect(await lists.listIds('/users', { email, deleted: true })).toEqual([user.id]);
    });

    it('counts active users', async () => {
      const [{ n }] = await lists.query('SELECT COUNT(*) AS n FROM users WHERE is_deleted = 0');
      const { page } = await lists.list('/users', { count: true, limit: 1 });
      expect(page.total).toEqual({ value: Number(n), relation: 'exact' });
    });

    it('refuses a cursor of the list of customers', async () => {
      const { page } = await lists.list('/customers', { sort: 'name', limit: 1 });
      await lists.expectInvalid(`/users?sort=name&cursor=${page.next}`, 'cursor');
    });
  });

  it('counts exactly up to 10,000, and reports a larger number as at_least 10,000', async () => {
    const owner = await lists.newOwner();
    const total = async (query: CustomersQuery = {}): Promise<unknown> =>
      (await lists.list('/customers', { createdBy: owner, limit: 1, count: true, ...query })).page.total;
    expect(await total()).toEqual({ value: 0, relation: 'exact' });

    const values = Array.from(
      { length: 10_000 },
      (_, n) => `('bulk-${n}@example.com', 'Bulk', 'Row', ${owner}, ${owner}, '${TIMES[n % 2]}', '${TIMES[n % 2]}', 0)`,
    );
    const into =
      'customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)';
    await lists.query(`INSERT INTO ${into} VALUES ${values.slice(0, 5_000).join(', ')}`);
    await lists.query(`INSERT INTO ${into} VALUES ${values.slice(5_000).join(', ')}`);
    expect(await total()).toEqual({ value: 10_000, relation: 'exact' });
    expect(await total({ modifiedSince: '2024-01-01T00:00:00.001Z' })).toEqual({ value: 5_000, relation: 'exact' });

    await lists.insertCustomers([newRow(owner)]);
    expect(await total()).toEqual({ value: 10_000, relation: 'at_least' });
    const uncounted = await lists.list('/customers', { createdBy: owner, limit: 1, count: false });
    expect(uncounted.page).toEqual({ next: expect.any(String) });
  });

  // MySQL and MariaDB limit prepared statements server-wide; SQLite does not
  (kind === 'MariaDB' ? it : () => undefined)(
    'does not prepare a statement for every combination of parameters',
    async () => {
      // counted on all connections of an instance of its own: other test files use the same server
      const instance = await startService(kind, { beside: service, env: { DATABASE_POOL: '2' } });
      const countPrepared = async (): Promise<number> => {
        const runners = [instance.dataSource.createQueryRunner(), instance.dataSource.createQueryRunner()];
        const counts = [];
        for (const runner of runners)
          counts.push((await runner.query(`SHOW SESSION STATUS LIKE 'Com_stmt_prepare'`))[0].Value);
        for (const runner of runners) await runner.release();
        return counts.map(Number).reduce((sum, count) => sum + count);
      };
      const instanceLists = new ListFixture(instance);
      const before = await countPrepared();
      for (let limit = 1; limit <= 40; limit++) await instanceLists.list('/customers', { limit, count: true });
      const prepared = (await countPrepared()) - before;
      await instance.close();
      expect(prepared).toBeGreaterThan(0);
      expect(prepared).toBeLessThan(20);
    },
  );
});
