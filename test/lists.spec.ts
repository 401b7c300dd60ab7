import type { Answer } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { newCustomer, newUser, startService, type TestService, unique } from './support/service.js';

const COLUMNS = {
  id: 'id',
  name: 'name',
  surname: 'surname',
  email: 'email',
  createdAt: 'created_at',
  lastModifiedAt: 'last_modified_at',
};
const SORTS = Object.keys(COLUMNS).flatMap((sort) => [sort, `-${sort}`]);

/** Equal to some databases and different to others; each of them comes several times. */
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
const TIMES = [
  '2024-01-01 00:00:00.000',
  '2024-01-01 00:00:00.001',
  '2024-01-01 00:00:01.000',
  '2025-06-30 23:59:59.999',
];

onEveryDatabase((kind) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const query = (sql: string, values: unknown[] = []): Promise<any[]> => service.dataSource.query(sql, values);

  /** Lists are narrowed to what one of these created: tests share the table. */
  async function newOwner(): Promise<number> {
    const { status, body } = await service.admin.post('/users', newUser({ password: undefined }));
    expect(status).toBe(201);
    return body.id;
  }

  const list = async (path: string): Promise<Answer> => {
    const answer = await service.admin.get(path);
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
    return answer;
  };

  const idsOf = (answer: Answer): number[] => answer.body.data.map(({ id }: { id: number }) => id);

  const found = async (path: string): Promise<number[]> => idsOf(await list(path));

  /** The ids on all pages, each page reached by the cursor of the one before it. */
  async function walk(path: string, limit: number, betweenPages?: (page: any[]) => Promise<void>): Promise<number[]> {
    const ids: number[] = [];
    let answer = await list(`${path}&limit=${limit}`);
    for (;;) {
      ids.push(...idsOf(answer));
      expect(ids.length).toBeLessThan(1000);
      const { next } = answer.body.page;
      if (next === null) return ids;
      expect(answer.body.data).toHaveLength(limit);
      await betweenPages?.(answer.body.data);
      answer = await list(`${path}&limit=${limit}&cursor=${next}`);
    }
  }

  async function expectRefused(path: string, pointer: string): Promise<void> {
    const { status, body } = await service.admin.get(path);
    expect({ path, status, code: body.code }).toEqual({ path, status: 400, code: 'invalid_request' });
    expect(body.errors.map((error: any) => error.pointer)).toEqual([pointer]);
  }

  interface Row {
    email: string;
    name: string;
    surname: string;
    createdBy: number;
    createdAt: string;
    modifiedAt: string;
    isDeleted: boolean;
  }

  /** As the service before this one may have left them. */
  async function insertCustomers(rows: Row[]): Promise<void> {
    for (const { email, name, surname, createdBy, createdAt, modifiedAt, isDeleted } of rows)
      await query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        [email, name, surname, createdBy, createdBy, createdAt, modifiedAt, isDeleted ? 1 : 0],
      );
  }

  const newRow = (createdBy: number, overrides: Partial<Row> = {}): Row => ({
    email: newCustomer().email,
    name: 'Ana María',
    surname: 'de la Cruz',
    createdBy,
    createdAt: TIMES[0]!,
    modifiedAt: TIMES[0]!,
    isDeleted: false,
    ...overrides,
  });

  describe('order and pages', () => {
    let owner: number;

    beforeAll(async () => {
      owner = await newOwner();
      await insertCustomers(
        Array.from({ length: 52 }, (_, n) => {
          const email = newCustomer().email;
          return newRow(owner, {
            // steps that share no factor with the lengths, so that no order is that of the ids
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

    it('gives the newest first if nothing is said', async () => {
      const rows = await query('SELECT id FROM customers WHERE is_deleted = 0 ORDER BY id DESC LIMIT 50');
      const { body } = await list('/customers?limit=50');
      expect(body.data.map(({ id }: any) => id)).toEqual(rows.map(({ id }) => id));
      expect(await found(`/customers?createdBy=${owner}`)).toEqual(
        await found(`/customers?createdBy=${owner}&sort=-id`),
      );
    });

    it.each(SORTS)('gives each customer once, as the database orders them, by %s', async (sort) => {
      const column = COLUMNS[sort.replace('-', '') as keyof typeof COLUMNS];
      const direction = sort.startsWith('-') ? 'DESC' : 'ASC';
      for (const deleted of [0, 1]) {
        const rows = await query(
          `SELECT id FROM customers WHERE created_by = ? AND is_deleted = ? ORDER BY ${column} ${direction}, id ${direction}`,
          [owner, deleted],
        );
        expect(rows).toHaveLength(deleted ? 4 : 48);
        const path = `/customers?createdBy=${owner}&sort=${sort}${deleted ? '&deleted=true' : ''}`;
        expect(await walk(path, deleted ? 1 : 5)).toEqual(rows.map(({ id }) => id));
      }
    });

    it('gives descending what it gives ascending, turned round', async () => {
      for (const sort of Object.keys(COLUMNS)) {
        const ascending = await walk(`/customers?createdBy=${owner}&sort=${sort}`, 20);
        const descending = await walk(`/customers?createdBy=${owner}&sort=-${sort}`, 20);
        expect(descending).toEqual(ascending.reverse());
      }
    });

    it('has no next page after one that is exactly full', async () => {
      const { body, headers } = await list(`/customers?createdBy=${owner}&limit=48`);
      expect(body.data).toHaveLength(48);
      expect(body.page).toEqual({ next: null });
      expect(headers.get('link')).toBeNull();
      expect((await list(`/customers?createdBy=${owner}&limit=47`)).body.page.next).toEqual(expect.any(String));
    });

    it('links to the next page with all that was asked for', async () => {
      const first = await list(`/customers?createdBy=${owner}&sort=-name&count=true&limit=7`);
      const { next } = first.body.page;
      const link = /^<(\/customers\?.*)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1];
      expect(Object.fromEntries(new URLSearchParams(link?.split('?')[1]))).toEqual({
        createdBy: String(owner),
        sort: '-name',
        count: 'true',
        limit: '7',
        cursor: next,
      });
      const byCursor = await list(`/customers?createdBy=${owner}&sort=-name&count=true&limit=7&cursor=${next}`);
      const byLink = await list(link!);
      expect(byLink.body).toEqual(byCursor.body);
      expect(byLink.headers.get('link')).not.toContain(next);
    });

    it('takes another limit with a cursor', async () => {
      const path = `/customers?createdBy=${owner}&sort=name`;
      const first = await list(`${path}&limit=5`);
      const rest = await list(`${path}&limit=200&cursor=${first.body.page.next}`);
      expect([...idsOf(first), ...idsOf(rest)]).toEqual(await found(`${path}&limit=200`));
    });
  });

  it.each(['-id', 'id', 'name', '-name'])(
    'neither repeats nor skips when customers come and go between pages by %s',
    async (sort) => {
      const owner = await newOwner();
      const nameOf = (n: number): string => `row ${String(n).padStart(4, '0')}`;
      await insertCustomers(
        Array.from({ length: 30 }, (_, n) => newRow(owner, { name: nameOf(10 * (n + 1)), email: `${unique()}@x.org` })),
      );
      const path = `/customers?createdBy=${owner}&sort=${sort}`;
      const there = await found(`${path}&limit=200`);
      const gone = new Set<number>();
      const remove = async (id: number): Promise<void> => {
        gone.add(id);
        expect((await service.admin.delete(`/customers/${id}`)).status).toBe(204);
      };
      const added: Row[] = [];
      const seen: number[] = [];

      const ids = await walk(path, 5, async (page) => {
        seen.push(...page.map(({ id }) => id));
        const last = page.at(-1);
        const ahead = there.filter((id) => !seen.includes(id) && !gone.has(id));
        // the one that the cursor names, one that was seen, and the next one that was not
        for (const id of [last.id, page[0].id, ahead[0]].filter((id) => id !== undefined)) await remove(id);
        const position = Number(last.name.slice(4));
        const between = [-1, 1].map((step) => newRow(owner, { name: nameOf(position + step) }));
        if (added.length < 6) {
          await insertCustomers(between);
          added.push(...between);
        }
      });

      expect(new Set(ids).size).toBe(ids.length);
      // rows that were there all the time, and those that were seen before they went
      const expected = there.filter((id) => !gone.has(id) || seen.includes(id));
      expect(ids.filter((id) => there.includes(id))).toEqual(expected);
      expect(gone.size).toBeGreaterThan(5);
      // of each pair one is behind the cursor and one ahead of it; new ids are all behind or all ahead
      expect(added).toHaveLength(6);
      const isNew = ids.filter((id) => !there.includes(id));
      expect(isNew).toHaveLength({ '-id': 0, id: 6, name: 3, '-name': 3 }[sort]!);
    },
  );

  describe('limit', () => {
    it.each(['0', '-1', '201', '1e2', 'abc', '', '1.5', '0x10', 'NaN', 'null', '99999999999', '+5', '%205', '1;2'])(
      'refuses %j',
      async (limit) => {
        await expectRefused(`/customers?limit=${limit}`, 'limit');
        await expectRefused(`/users?limit=${limit}`, 'limit');
      },
    );

    it('refuses to be repeated', async () => {
      await expectRefused('/customers?limit=5&limit=5', 'limit');
    });

    it('takes 1 to 200, and is 50 if nothing is said', async () => {
      const owner = await newOwner();
      await insertCustomers(Array.from({ length: 201 }, () => newRow(owner)));
      for (const [limit, length] of [
        ['&limit=1', 1],
        ['', 50],
        ['&limit=200', 200],
      ] as const) {
        const { body } = await list(`/customers?createdBy=${owner}${limit}`);
        expect(body.data).toHaveLength(length);
        expect(body.page.next).toEqual(expect.any(String));
      }
    });
  });

  describe('cursor', () => {
    let owner: number;
    let path: string;
    let cursor: string;

    beforeAll(async () => {
      owner = await newOwner();
      await insertCustomers(Array.from({ length: 4 }, () => newRow(owner)));
      path = `/customers?createdBy=${owner}&sort=name&limit=2`;
      cursor = (await list(path)).body.page.next;
    });

    it('works with the list that it came from', async () => {
      expect(await found(`${path}&cursor=${cursor}`)).toHaveLength(2);
    });

    it('is refused with one bit changed, wherever that is', async () => {
      const bytes = Buffer.from(cursor, 'base64url');
      for (let index = 0; index < bytes.length; index++) {
        const forged = Buffer.from(bytes);
        forged[index]! ^= 1;
        await expectRefused(`${path}&cursor=${forged.toString('base64url')}`, 'cursor');
      }
    });

    it('is refused if it is cut short, made longer, or made up', async () => {
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
        await expectRefused(`${path}&cursor=${forged.toString('base64url')}`, 'cursor');
      for (const forged of ['0', 'null', '%00', '%27%20OR%201=1--', '*'.repeat(40), 'a'.repeat(1001)])
        await expectRefused(`${path}&cursor=${forged}`, 'cursor');
      await expectRefused(`${path}&cursor=${cursor}&cursor=${cursor}`, 'cursor');
    });

    it('is refused with another order, another filter or another list', async () => {
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
        await expectRefused(`${other}&cursor=${cursor}`, 'cursor');
    });
  });

  describe('filters', () => {
    let owner: number;

    beforeAll(async () => {
      owner = await newOwner();
    });

    async function create(overrides: Record<string, unknown> = {}): Promise<any> {
      const { status, body } = await service.admin.post('/customers', newCustomer(overrides));
      expect(status).toBe(201);
      return body;
    }

    it('finds by e-mail, whatever its case', async () => {
      const { id, email } = await create();
      for (const same of [email, email.toUpperCase(), `%20${email}%20`])
        expect(await found(`/customers?email=${same}`)).toEqual([id]);
      expect(await found(`/customers?email=x${email}`)).toEqual([]);
    });

    it('compares e-mails as bytes, of deleted customers too', async () => {
      const domain = `${unique()}.example.com`;
      const emails = ['jose', 'josé', 'strasse', 'straße'].map((local) => `${local}@${domain}`);
      const ids = await Promise.all(emails.map(async (email) => (await create({ email })).id as number));
      for (const [index, email] of emails.entries())
        expect(await found(`/customers?email=${encodeURIComponent(email)}`)).toEqual([ids[index]]);
      for (const id of ids) await service.admin.delete(`/customers/${id}`);
      for (const [index, email] of emails.entries())
        expect(await found(`/customers?deleted=true&email=${encodeURIComponent(email)}`)).toEqual([ids[index]]);
    });

    it('finds by who created them', async () => {
      const rows = [newRow(owner), newRow(owner)];
      await insertCustomers(rows);
      const { body } = await list(`/customers?createdBy=${owner}`);
      expect(body.data.map(({ email }: any) => email)).toEqual(rows.map(({ email }) => email).reverse());
      expect(body.data.map(({ createdBy }: any) => createdBy)).toEqual([owner, owner]);
      expect(await found('/customers?createdBy=2147483647')).toEqual([]);
    });

    it('finds what was changed at a time or since, to the millisecond and in any zone', async () => {
      const by = await newOwner();
      await insertCustomers(
        ['00.000', '00.001', '00.002'].map((time) => newRow(by, { modifiedAt: `2024-03-10 12:00:${time}` })),
      );
      const count = async (time: string): Promise<number> =>
        (await found(`/customers?createdBy=${by}&modifiedSince=${encodeURIComponent(time)}`)).length;
      expect(await count('2024-03-10T12:00:00Z')).toBe(3);
      expect(await count('2024-03-10T12:00:00.001Z')).toBe(2);
      expect(await count('2024-03-10T14:00:00.001+02:00')).toBe(2);
      expect(await count('2024-03-10T06:30:00.002-05:30')).toBe(1);
      expect(await count('2024-03-10t12:00:00.003z')).toBe(0);
      expect(await count('2024-03-10T13:00:00Z')).toBe(0);
      expect(await count('2024-03-10T13:00:00+01:00')).toBe(3);
      expect(await count('0001-01-01T00:00:00Z')).toBe(3);
      expect(await count('9999-12-31T23:59:59Z')).toBe(0);
    });

    it.each([
      '',
      'yesterday',
      '2024-03-10',
      '2024-03-10T12:00:00',
      '2024-13-10T12:00:00Z',
      '2024-03-10T25:00:00Z',
      '2024-02-30T12:00:00Z',
      '2024-03-10 12:00:00Z',
      '2024-03-10T12:00:00+99:00',
      '1710072000',
      "2024-03-10T12:00:00Z' OR 1=1--",
      '-000001-01-01T00:00:00Z',
      // in UTC these are of the years -1 and 10000, which no database has
      '0000-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-01:00',
    ])('refuses the time %j', async (time) => {
      await expectRefused(`/customers?modifiedSince=${encodeURIComponent(time)}`, 'modifiedSince');
    });

    it('lists only the deleted ones, or only the others', async () => {
      const by = await newOwner();
      const rows = [newRow(by), newRow(by, { isDeleted: true }), newRow(by), newRow(by, { isDeleted: true })];
      await insertCustomers(rows);
      const emails = async (parameter: string): Promise<string[]> =>
        (await list(`/customers?createdBy=${by}&sort=id${parameter}`)).body.data.map(({ email }: any) => email);
      expect(await emails('')).toEqual([rows[0]!.email, rows[2]!.email]);
      expect(await emails('&deleted=false')).toEqual([rows[0]!.email, rows[2]!.email]);
      expect(await emails('&deleted=true')).toEqual([rows[1]!.email, rows[3]!.email]);
      for (const { deletedAt } of (await list(`/customers?createdBy=${by}&deleted=true`)).body.data)
        expect(deletedAt).toBe('2024-01-01T00:00:00.000Z');
    });

    it('adds up', async () => {
      const by = await newOwner();
      const row = newRow(by, { isDeleted: true, modifiedAt: TIMES[2] });
      await insertCustomers([row, newRow(by, { isDeleted: true }), newRow(by)]);
      const path = `/customers?createdBy=${by}&deleted=true&modifiedSince=2024-01-01T00:00:00.500Z&count=true`;
      const { body } = await list(`${path}&email=${row.email}`);
      expect(body.data.map(({ email }: any) => email)).toEqual([row.email]);
      expect(body.page.total).toEqual({ value: 1, relation: 'exact' });
    });

    it.each(['1', '0', 'TRUE', 'yes', '', 'null'])('refuses the boolean %j', async (value) => {
      await expectRefused(`/customers?deleted=${value}`, 'deleted');
      await expectRefused(`/customers?count=${value}`, 'count');
    });

    it.each(['0', '-1', '1abc', '1e3', '0x10', '2147483648', '1%20OR%201=1', ''])(
      'refuses the creator %j',
      async (value) => {
        await expectRefused(`/customers?createdBy=${value}`, 'createdBy');
      },
    );
  });

  describe('hostile queries', () => {
    const before = async (): Promise<any[]> =>
      query('SELECT COUNT(*) AS n, SUM(version) AS versions, SUM(is_deleted) AS deleted FROM customers');

    it.each([
      "' OR 1=1--",
      "x' OR '1'='1",
      '" OR ""="',
      "'; DROP TABLE customers;--",
      "x') UNION SELECT password_hash FROM users--",
      '%',
      '%@example.com',
      '_',
      '\\',
      "\\' OR 1=1#",
      '*',
      '0',
      '?',
      ':email',
      '$1',
      '[object Object]',
      'true',
    ])('finds nothing by the e-mail %j', async (email) => {
      const rows = await before();
      expect(Number(rows[0].n)).toBeGreaterThan(0);
      for (const parameter of ['', '&deleted=true', '&count=true']) {
        const path = `/customers?email=${encodeURIComponent(email)}${parameter}`;
        expect((await list(path)).body).toMatchObject({ data: [], page: { next: null } });
      }
      expect(await found(`/users?email=${encodeURIComponent(email)}`)).toEqual([]);
      expect(await before()).toEqual(rows);
    });

    it.each([
      'password_hash',
      'passwordHash',
      '(select 1)',
      '(select password_hash from users limit 1)',
      'id;drop table customers',
      'id desc',
      'ID',
      '--id',
      '-',
      '',
      'id,name',
      'live_email',
      'constructor',
      '__proto__',
      '-__proto__',
      'toString',
    ])('refuses to sort by %j', async (sort) => {
      await expectRefused(`/customers?sort=${encodeURIComponent(sort)}`, 'sort');
      await expectRefused(`/users?sort=${encodeURIComponent(sort)}`, 'sort');
    });

    it.each([
      ['x=1', 'x'],
      ['a[b]=c', 'a[b]'],
      ['email[$ne]=x', 'email[$ne]'],
      ['email[]=x', 'email[]'],
      ['limit.x=5', 'limit.x'],
      ['Limit=5', 'Limit'],
      ['offset=5', 'offset'],
      ['where=1=1', 'where'],
      ['__proto__=x', '__proto__'],
      ['__proto__[limit]=5', '__proto__[limit]'],
      ['constructor=x', 'constructor'],
      ['constructor[prototype][limit]=5', 'constructor[prototype][limit]'],
      ['hasOwnProperty=x', 'hasOwnProperty'],
      ['toString=x', 'toString'],
      ['=x', ''],
      ['email=a@example.com&email=b@example.com', 'email'],
      ['sort=id&sort=name', 'sort'],
      ['deleted=true&deleted=false', 'deleted'],
      ['email=a%00b', 'email'],
    ])('refuses ?%s', async (parameters, pointer) => {
      await expectRefused(`/customers?${parameters}`, pointer);
      await expectRefused(`/users?${parameters}`, pointer);
    });
  });

  describe('of users', () => {
    const columns: Record<string, string> = { ...COLUMNS, lastModifiedAt: 'modified_at' };

    beforeAll(async () => {
      for (let n = 0; n < 9; n++) {
        const names = { name: NAMES[(n * 4) % 5], surname: NAMES[n % 3], password: undefined };
        expect((await service.admin.post('/users', newUser(names))).status).toBe(201);
      }
      // as the service before this one may have left them: without e-mail, dates and creator
      for (const name of ['Zoë', 'ana', 'Ana'])
        await query(`INSERT INTO users (name, surname, is_deleted) VALUES (?, 'Ana', 0)`, [name]);
    });

    it.each(SORTS)('gives each user once, as the database orders them, by %s', async (sort) => {
      const direction = sort.startsWith('-') ? 'DESC' : 'ASC';
      const rows = await query(
        `SELECT id FROM users WHERE is_deleted = 0 ORDER BY ${columns[sort.replace('-', '')]} ${direction}, id ${direction}`,
      );
      expect(rows.length).toBeGreaterThan(12);
      expect(await walk(`/users?sort=${sort}`, 4)).toEqual(rows.map(({ id }) => id));
    });

    it('gives the newest first if nothing is said', async () => {
      expect(await found('/users?limit=10')).toEqual(await found('/users?limit=10&sort=-id'));
    });

    it('finds by e-mail, creator, time and deletion', async () => {
      const since = new Date().toISOString();
      const { body: user } = await service.admin.post('/users', newUser({ password: undefined }));
      expect(await found(`/users?email=${user.email.toUpperCase()}`)).toEqual([user.id]);
      expect(await found(`/users?modifiedSince=${since}`)).toEqual([user.id]);
      expect(await found(`/users?createdBy=${user.createdBy}&limit=1`)).toEqual([user.id]);
      expect(await found(`/users?createdBy=${user.id}`)).toEqual([]);
      expect(await found(`/users?email=${user.email}&deleted=true`)).toEqual([]);
      await service.admin.delete(`/users/${user.id}`);
      expect(await found(`/users?email=${user.email}`)).toEqual([]);
      expect(await found(`/users?email=${user.email}&deleted=true`)).toEqual([user.id]);
    });

    it('counts', async () => {
      const [{ n }] = await query('SELECT COUNT(*) AS n FROM users WHERE is_deleted = 0');
      const { body } = await list('/users?count=true&limit=1');
      expect(body.page.total).toEqual({ value: Number(n), relation: 'exact' });
    });

    it('refuses a cursor of the customers', async () => {
      const { body } = await list('/customers?sort=name&limit=1');
      await expectRefused(`/users?sort=name&cursor=${body.page.next}`, 'cursor');
    });
  });

  it('counts exactly up to 10,000, then says that there are at least as many', async () => {
    const owner = await newOwner();
    const total = async (parameters = ''): Promise<unknown> =>
      (await list(`/customers?createdBy=${owner}&limit=1&count=true${parameters}`)).body.page.total;
    expect(await total()).toEqual({ value: 0, relation: 'exact' });

    const values = Array.from(
      { length: 10_000 },
      (_, n) => `('bulk-${n}@example.com', 'Bulk', 'Row', ${owner}, ${owner}, '${TIMES[n % 2]}', '${TIMES[n % 2]}', 0)`,
    );
    const into =
      'customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)';
    await query(`INSERT INTO ${into} VALUES ${values.slice(0, 5_000).join(', ')}`);
    await query(`INSERT INTO ${into} VALUES ${values.slice(5_000).join(', ')}`);
    expect(await total()).toEqual({ value: 10_000, relation: 'exact' });
    expect(await total('&modifiedSince=2024-01-01T00:00:00.001Z')).toEqual({ value: 5_000, relation: 'exact' });

    await insertCustomers([newRow(owner)]);
    expect(await total()).toEqual({ value: 10_000, relation: 'at_least' });
    const uncounted = await list(`/customers?createdBy=${owner}&limit=1&count=false`);
    expect(uncounted.body.page).toEqual({ next: expect.any(String) });
  });

  it('refuses cursors of another history or that were made up', async () => {
    const [first, second] = [
      await service.admin.post('/customers', newCustomer()),
      await service.admin.post('/customers', newCustomer()),
    ];
    for (const { body } of [first, second]) await service.admin.patch(`/customers/${body.id}`, { company: 'Cruz' });
    const { body } = await service.admin.get(`/customers/${first.body.id}/history?limit=1`);
    expect(
      (await service.admin.get(`/customers/${first.body.id}/history?cursor=${body.page.next}`)).body.data,
    ).toHaveLength(1);
    for (const path of [`/customers/${second.body.id}/history`, `/users/1/history`, '/me/sessions', '/customers'])
      for (const cursor of [body.page.next, '2', 'AAAA']) {
        const answer = await service.admin.get(`${path}?cursor=${cursor}`);
        expect([answer.status, answer.body.errors[0].code]).toEqual([400, 'invalid_cursor']);
      }
  });

  // the embedded database has no limit on them
  (kind === 'MariaDB' ? it : () => undefined)('prepares no statement for every way to ask for a list', async () => {
    const prepared = async (): Promise<number> =>
      Number((await query(`SHOW STATUS LIKE 'Prepared_stmt_count'`))[0].Value);
    const before = await prepared();
    for (let limit = 1; limit <= 40; limit++) await list(`/customers?limit=${limit}&count=true`);
    expect((await prepared()) - before).toBeLessThan(20);
  });
});
