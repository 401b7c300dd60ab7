import { onEveryDatabase } from '../support/databases.js';
import { ListFixture, newRow } from '../support/list-fixture.js';
import { startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let lists: ListFixture;

  beforeAll(async () => {
    service = await startService(kind);
    lists = new ListFixture(service);
    await lists.insertCustomers([newRow(await lists.newOwner())]);
  });
  afterAll(() => service.close());

  describe('hostile queries', () => {
    const totals = async (): Promise<any[]> =>
      lists.query('SELECT COUNT(*) AS n, SUM(version) AS versions, SUM(is_deleted) AS deleted FROM customers');

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
    ])('finds nothing with the e-mail %j', async (email) => {
      const rows = await totals();
      expect(Number(rows[0].n)).toBeGreaterThan(0);
      for (const parameter of ['', '&deleted=true', '&count=true']) {
        const answer = await service.admin.get(`/customers?email=${encodeURIComponent(email)}${parameter}`);
        expect(answer).toMatchObject({ status: 200, body: { data: [], page: { next: null } } });
      }
      expect(await lists.listIds('/users', { email })).toEqual([]);
      expect(await totals()).toEqual(rows);
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
      await lists.expectInvalid(`/customers?sort=${encodeURIComponent(sort)}`, 'sort');
      await lists.expectInvalid(`/users?sort=${encodeURIComponent(sort)}`, 'sort');
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
    ])('refuses the query ?%s', async (parameters, pointer) => {
      await lists.expectInvalid(`/customers?${parameters}`, pointer);
      await lists.expectInvalid(`/users?${parameters}`, pointer);
    });
  });
});
