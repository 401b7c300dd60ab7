import { DirectQueries } from '../../src/database/direct-queries.js';
import { KeyPaging } from '../../src/lists/key-paging.js';
import { at } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { ListFixture } from '../support/list-fixture.js';
import { Rows } from '../support/rows.js';
import { startService, type TestService, unique } from '../support/service.js';
import { recordStatements } from '../support/statement-plans.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let lists: ListFixture;
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
    lists = new ListFixture(service);
    // so that lists of a few rows are long
    service.app.get(KeyPaging).attempts = [
      { read: 0, walk: 2 },
      { read: 0, walk: 4 },
    ];
  });
  afterEach(() => service.clock.reset());
  afterAll(() => service.close());

  describe.each(['id', '-id', 'name', '-surname', 'email', 'createdAt', '-lastModifiedAt'] as const)(
    'a list by %s',
    (sort) => {
      it('begins where it is remembered to, or earlier if a row has been modified', async () => {
        const company = `Start ${unique()}`;
        const others: number[] = [];
        for (let n = 0; n < 6; n++) others.push((await rows.create({ name: `N${n}`, surname: `S${6 - n}` })).id);
        const [first, middle, last] = [others[0]!, others[3]!, others[5]!];
        const set = async (id: number, value: string | null): Promise<void> => {
          await service.admin.crm.PATCH('/customers/{id}', { ...at(id), body: { company: value } });
        };
        /** As the same list does whose start is not remembered, as it has another filter. */
        const expectRows = async (...ids: number[]): Promise<void> => {
          // what was modified before is no longer looked through
          service.clock.forward(65_000);
          const listed = await lists.listIds('/customers', { sort, company });
          expect(new Set(listed)).toEqual(new Set(ids));
          const createdSince = '2000-01-01T00:00:00Z';
          expect(listed).toEqual(await lists.listIds('/customers', { sort, company, createdSince }));
          expect(await lists.listIds('/customers', { sort, company })).toEqual(listed);
        };
        await expectRows();
        await set(middle, company);
        await expectRows(middle);
        await set(last, company);
        await expectRows(middle, last);
        await set(first, company);
        await expectRows(first, middle, last);
        const { id } = await rows.create({ company });
        await expectRows(first, middle, last, id);
        for (const gone of [first, last]) await service.admin.crm.DELETE('/customers/{id}', at(gone));
        await expectRows(middle, id);
        await service.admin.crm.restoreCustomer(first);
        await expectRows(first, middle, id);
        for (const without of [first, middle, id]) await set(without, null);
        await expectRows();
      });
    },
  );

  it('that was modified much is searched from its start again', async () => {
    const company = `Much ${unique()}`;
    for (let n = 0; n < 8; n++) await rows.create();
    const { id } = await rows.create({ company });
    service.clock.forward(65_000);
    const read = (): Promise<number> =>
      recordStatements(service.app.get(DirectQueries), async () =>
        expect(await lists.listIds('/customers', { sort: 'createdAt', company })).toEqual([id]),
      ).then((statements) => statements.filter(({ sql }) => sql.includes('OFFSET')).length);
    const searched = await read();
    expect(await read()).toBeLessThan(searched);
    const values = Array.from(
      { length: 2_100 },
      (_, n) => `('much-${n}@example.com', 'A', 'B', 1, 1, '2024-01-01', '2024-01-01', 0)`,
    );
    await rows.query(
      `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
       VALUES ${values.join(', ')}`,
    );
    await rows.query(`UPDATE customers SET last_modified_at = '2099-01-01 00:00:00' WHERE email LIKE 'much-%'`);
    expect(await read()).toBeGreaterThanOrEqual(searched);
  });
});
