import fc from 'fast-check';
import { KeyPaging } from '../src/lists/key-paging.js';
import { keyOf } from '../src/search/fold.js';
import { parseQuery } from '../src/search/query.js';
import { searchText } from '../src/search/search-text.js';
import { onEveryDatabase } from './support/databases.js';
import { type CustomersQuery, ListFixture, type UsersQuery } from './support/list-fixture.js';
import { Rows } from './support/rows.js';
import { newUser, startService, type TestService, unique } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let lists: ListFixture;
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
    lists = new ListFixture(service);
  });
  afterAll(() => service.close());

  const search = (q: string, query: CustomersQuery = {}): Promise<number[]> =>
    lists.listIds('/customers', { q, ...query });

  describe('a search', () => {
    const ids: Record<string, number> = {};

    beforeAll(async () => {
      const customers = {
        garcia: { name: 'José', surname: 'García', email: 'jose.garcia@mail.example', phone: '+34600123456' },
        muller: { name: 'Jörg', surname: 'Müller', email: 'jm@mail.example', phone: '+4917612345678' },
        strasse: { name: 'Kay', surname: 'Straße', email: 'ks@mail.example' },
        brien: { name: 'Sinéad', surname: 'O’Brien', email: "sinead.o'brien@mail.example" },
        lodz: { name: 'Ewa', surname: 'Łódź', email: 'el@mail.example', company: 'Ærø & Œuvre' },
        yamada: { name: '太郎', surname: '山田', email: 'ty@mail.example', company: '株式会社山田製作所' },
        kim: { name: '민수', surname: '김', email: 'mk@mail.example' },
        studio: { name: 'Ann', surname: 'Li', email: 'al@mail.example', company: 'Studio 54' },
        width: { name: 'ＡＢＣ', surname: 'Iğdır', email: 'ai@mail.example' },
      };
      for (const [key, values] of Object.entries(customers)) ids[key] = (await rows.create(values)).id;
    });

    it.each([
      ['garcia', ['garcia']],
      ['GARCÍ', ['garcia']],
      ['jose garcia', ['garcia']],
      ['garcia jos', ['garcia']],
      ['garcia muller', []],
      ['muller', ['muller']],
      ['Mu\u0308ller', ['muller']],
      ['strasse', ['strasse']],
      ['STRAẞE', ['strasse']],
      ['o brien', ['brien']],
      ["o'brien", ['brien']],
      ['obrien', []],
      ['lodz', ['lodz']],
      ['aero oeuvre', ['lodz']],
      ['山田', ['yamada']],
      ['株式', ['yamada']],
      ['製作所', []],
      ['민', ['kim']],
      ['54', ['studio']],
      ['studio 5', ['studio']],
      ['li', ['studio']],
      ['abc', ['width']],
      ['igdir', ['width']],
      ['rcia', []],
      ['---', []],
      ['😀', []],
      ['jose.garcia@', ['garcia']],
      ['JOSE.GARCIA@mail.example', ['garcia']],
      ['garcia@', []],
      ['@mail.example', []],
      ['mail.example garcia', ['garcia']],
      ['nobody', []],
      ["'; DROP TABLE customers; --", []],
      ['%', []],
      ['_arcia', []],
      ['garcia\\', ['garcia']],
    ])('for %j finds %j', async (q, expected) => {
      expect(new Set(await search(q))).toEqual(new Set(expected.map((key) => ids[key])));
    });

    it.each([
      ['+34 600 12', 'garcia'],
      ['34600123456', 'garcia'],
      ['0034-600.123', 'garcia'],
      ['600 123 456', 'garcia'],
      ['(600) 123/456', 'garcia'],
      ['０１７６ 123', 'muller'],
      ['176 12', 'muller'],
      ['+49 (0)176 123', 'muller'],
      ['0049 176', 'muller'],
      ['garcia 600123', 'garcia'],
    ])('for the phone number %j finds %s', async (q, expected) => {
      expect(await search(q)).toEqual([ids[expected]]);
    });

    it.each(['123456', '34 123', '0600123'])('for the phone number %j finds nobody', async (q) => {
      expect(await search(q)).toEqual([]);
    });

    it('finds a customer by the next request, and never by what it no longer contains', async () => {
      const [before, after] = [`vorher${unique()}`, `nachher${unique()}`].map((word) => word.replace('-', 'x'));
      const { crm } = service.admin;
      const created = await rows.create({ surname: before });
      const { id } = created;
      expect(await search(before!)).toEqual([id]);
      const changed = await crm.updateCustomer(created, { surname: after });
      expect(await search(before!)).toEqual([]);
      expect(await search(after!)).toEqual([id]);
      await crm.deleteCustomer(changed);
      expect(await search(after!)).toEqual([]);
      expect(await search(after!, { deleted: true })).toEqual([id]);
      await crm.restoreCustomer(id);
      expect(await search(after!)).toEqual([id]);
    });

    it('finds at once what another service has written', async () => {
      const word = `flask${unique()}`.replace('-', 'x');
      await rows.query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES (?, ?, 'X', 1, 1, '2024-01-01 00:00:00', '2024-01-01 00:00:00', 0)`,
        [`${word}@example.com`, word],
      );
      expect(await search(word)).toHaveLength(1);
      await rows.query(
        `UPDATE customers SET name = 'Y', email = ?, last_modified_at = '2024-01-01 00:00:01' WHERE name = ?`,
        [`y${word}@example.com`, word],
      );
      expect(await search(word)).toEqual([]);
    });

    it('of users looks at name, surname and e-mail', async () => {
      const word = `nutzer${unique()}`.replace('-', 'x');
      const { data: user } = await service.admin.crm.POST('/users', {
        body: newUser({ surname: word, password: undefined }),
      });
      for (const q of [word, `${word} ben`, user.email!])
        expect(await lists.listIds('/users', { q })).toEqual([user.id]);
      expect(await lists.listIds('/users', { q: word, role: 'admin' })).toEqual([]);
      const filters: UsersQuery = { role: 'user', name: 'BEN', createdSince: '2020-01-01T00:00:00Z' };
      expect(await lists.listIds('/users', { q: word, ...filters })).toEqual([user.id]);
    });

    it.each([
      ['', 'empty'],
      ['%20', 'empty'],
      ['a'.repeat(121), 'too_long'],
      ['a+b+c+d+e+f+g+h+i', 'too_many_words'],
    ])('refuses the q %j', async (q, code) => {
      for (const path of ['/customers', '/users']) {
        const { status, body } = await service.admin.get(`${path}?q=${q}`);
        expect([status, body.errors?.[0]]).toEqual([400, expect.objectContaining({ pointer: 'q', code })]);
      }
    });

    it('accepts 120 code points', async () => {
      expect(await search('😀'.repeat(120))).toEqual([]);
      expect(await search('𠮷'.repeat(120))).toEqual([]);
    });
  });

  describe('filters', () => {
    it('compare names, companies and phone numbers folded', async () => {
      const company = `Straße ${unique()}`;
      const { id } = await rows.create({ name: 'Zoë', surname: 'Łoś', company, phone: '+34600777888' });
      const query: CustomersQuery = {
        name: 'ZOE',
        surname: 'los',
        company: company.replace('ß', 'SS'),
        phone: '+34 600-777.888',
        hasPhoto: false,
      };
      for (const sort of ['-id', 'name', '-surname', 'email', 'createdAt', 'lastModifiedAt'] as const)
        expect(await lists.listIds('/customers', { ...query, sort })).toEqual([id]);
      expect(await lists.listIds('/customers', { ...query, name: 'zo' })).toEqual([]);
      expect(await lists.listIds('/customers', { ...query, hasPhoto: true })).toEqual([]);
      const { createdAt } = await service.admin.crm.getCustomer(id);
      expect(await lists.listIds('/customers', { ...query, createdSince: createdAt })).toEqual([id]);
      const later = new Date(Date.parse(createdAt) + 1).toISOString();
      expect(await lists.listIds('/customers', { ...query, createdSince: later })).toEqual([]);
    });

    it.each(['phone=123', 'phone=', 'hasPhoto=yes', 'company=', 'name=', 'createdSince=now'])(
      'refuse %s',
      async (filter) => {
        await lists.expectInvalid(`/customers?${filter}`, filter.split('=')[0]!);
      },
    );

    it('of users include the role, and none of the customers', async () => {
      const admin = await lists.listIds('/users', { role: 'admin', sort: 'id' });
      const users = await lists.listIds('/users', { role: 'user', limit: 200 });
      expect(admin).toContain(1);
      expect(users).not.toContain(1);
      await lists.expectInvalid('/users?role=root', 'role');
      await lists.expectInvalid('/users?hasPhoto=true', 'hasPhoto');
      await lists.expectInvalid('/customers?role=admin', 'role');
    });
  });

  describe('every plan', () => {
    interface Listed {
      id: number;
      name: string;
      surname: string;
      email: string;
      company: string | null;
      phone: string | null;
      deleted: boolean;
    }
    const customers: Listed[] = [];
    const NAMES = ['Ana', 'ána', 'Anna', 'Ben', 'bén', 'Åsa', '李', 'ab c', 'Li', 'A'];
    const by = { creator: 0 };

    beforeAll(async () => {
      by.creator = await lists.newOwner();
      const creator = await service.user();
      by.creator = creator.id;
      for (let n = 0; n < 60; n++) {
        const values = {
          name: NAMES[(n * 7) % 10]!,
          surname: NAMES[(n * 3 + 1) % 10]!,
          email: `${n % 3 ? 'a' : 'b'}${n}@${unique()}.plan.example`,
          company: n % 4 === 0 ? NAMES[n % 10]! : null,
          phone: n % 5 === 0 ? `+3460012345${n % 10}` : null,
        };
        const customer = await creator.crm.createCustomer(values);
        const deleted = n % 3 === 1;
        if (deleted) await service.admin.crm.deleteCustomer(customer);
        customers.push({ ...values, id: customer.id, deleted });
      }
    });

    const compare = (one: string | number, other: string | number): number =>
      one === other
        ? 0
        : (
              typeof one === 'number'
                ? one < (other as number)
                : Buffer.compare(Buffer.from(one), Buffer.from(other as string)) < 0
            )
          ? -1
          : 1;

    const ORDERS: Record<string, (customer: Listed) => string | number> = {
      id: ({ id }) => id,
      name: ({ name }) => keyOf(name),
      surname: ({ surname }) => keyOf(surname),
      email: ({ email }) => keyOf(email),
      createdAt: ({ id }) => id,
    };

    type Query = CustomersQuery & Required<Pick<CustomersQuery, 'sort'>>;

    /** A list as the contract defines it, without a database. */
    function expected({ q, name, surname, company, deleted = false, sort }: Query): number[] {
      const words = q === undefined ? [[]] : parseQuery(q)!;
      const matches = (customer: Listed): boolean =>
        customer.deleted === deleted &&
        words.some((form) => form.every((word) => searchText(customer).includes(` ${word}`))) &&
        (name === undefined || keyOf(name) === keyOf(customer.name)) &&
        (surname === undefined || keyOf(surname) === keyOf(customer.surname)) &&
        (company === undefined || keyOf(company) === keyOf(customer.company ?? '\0'));
      const key = ORDERS[sort.replace('-', '')]!;
      const sorted = customers.filter(matches).sort((one, other) => compare(key(one), key(other)) || one.id - other.id);
      return (sort.startsWith('-') ? sorted.reverse() : sorted).map(({ id }) => id);
    }

    const query: fc.Arbitrary<Query> = fc.record(
      {
        q: fc.constantFrom(
          'a',
          'an',
          'ana ben',
          'A',
          'b',
          'li',
          '李',
          'plan',
          '600',
          '+34 600',
          '5',
          'ana@',
          'b0@',
          'c',
          'zz',
          '-',
        ),
        name: fc.constantFrom(...NAMES, 'nobody'),
        surname: fc.constantFrom(...NAMES),
        company: fc.constantFrom(...NAMES),
        deleted: fc.boolean(),
        sort: fc.constantFrom(...Object.keys(ORDERS).flatMap((sort) => [sort, `-${sort}`] as Array<Query['sort']>)),
      },
      { requiredKeys: ['sort'] },
    );

    it.each([
      ['walk', []],
      ['read', [{ read: 100_000, walk: 1 }]],
      [
        'take turns',
        [
          { read: 1, walk: 2 },
          { read: 3, walk: 5 },
          { read: 9, walk: 20 },
        ],
      ],
    ])('lists what the filters match: when they %s', async (_, attempts) => {
      const paging = service.app.get(KeyPaging);
      const { attempts: usual } = paging;
      paging.attempts = attempts;
      try {
        await fc.assert(
          fc.asyncProperty(query, fc.constantFrom(1, 3, 7, 200), async (parameters, limit) => {
            const filters = { ...parameters, createdBy: by.creator };
            expect(await lists.walk('/customers', { ...filters, limit })).toEqual(expected(parameters));
            const { page } = await lists.list('/customers', { ...filters, count: true, limit: 1 });
            expect(page.total).toEqual({ value: expected(parameters).length, relation: 'exact' });
          }),
          { numRuns: 40 },
        );
      } finally {
        paging.attempts = usual;
      }
    });

    it('sorts alike on every database', async () => {
      const { ids, items } = await lists.list('/customers', { createdBy: by.creator, sort: 'name', limit: 200 });
      expect(ids).toEqual(expected({ sort: 'name' }));
      const names = items.map(({ name }) => keyOf(name));
      expect([...new Set(names)]).toEqual(['a', 'ab c', 'ana', 'anna', 'asa', 'ben', 'li', '李']);
    });
  });
});
