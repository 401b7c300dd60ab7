import { jest } from '@jest/globals';
import { CUSTOMER_SORTS } from '../../src/customers/customer-list.js';
import { CustomersService } from '../../src/customers/customers.service.js';
import type { ListCustomersQuery } from '../../src/customers/list-customers.query.js';
import { DirectQueries } from '../../src/database/direct-queries.js';
import { KeyPaging } from '../../src/lists/key-paging.js';
import { onEveryDatabase } from '../support/databases.js';
import { ListedCustomers } from '../support/listed-customers.js';
import { startService, type TestService } from '../support/service.js';
import { planOf, readsOf, type RecordedStatement, recordStatements } from '../support/statement-plans.js';

jest.setTimeout(600_000);

const ROWS = 8_000;
const LIMIT = 20;
/** As in production, but for a table that is much smaller. */
const ATTEMPTS = [
  { read: 50, walk: 100 },
  { read: 200, walk: 400 },
  { read: 800, walk: 1_600 },
  { read: 3_200, walk: 6_400 },
];
/** What a list may read for each row that the cheaper way needs, and in addition: most of it are entries that are counted. */
const MAX_FACTOR = 30;
const MAX_ADDED = 1_500;

/** Of each filter: values that most rows have, or many in one part of the list, or few. */
const VALUES: Record<string, unknown[]> = {
  q: ['c', 'garcia', 'an garcia', 'zenobia', '+34 600 01', 'nobody'],
  name: ['Ana', 'Zenobia'],
  surname: ['García', 'Quintanilla'],
  company: ['Común', 'Única', 'Nadie'],
  phone: ['+34910000000', '+34600000007'],
  createdBy: [1, 2, 3],
  createdSince: [0, 0.5, 0.9, 0.999].map(ListedCustomers.timeAt),
  modifiedSince: [0, 0.5, 0.9, 0.999].map(ListedCustomers.timeAt),
  hasPhoto: [true, false],
  deleted: [true],
};
const SORTS = Object.keys(CUSTOMER_SORTS).flatMap((sort) => [sort, `-${sort}`]);

const single = Object.entries(VALUES).flatMap(([name, values]) => values.map((value) => ({ [name]: value })));
const pairs = single.flatMap((one, n) => single.slice(n + 1).flatMap((other) => ({ ...one, ...other }))) as Array<
  Record<string, unknown>
>;

onEveryDatabase((kind) => {
  let service: TestService;
  let listed: ListedCustomers;
  let queries: DirectQueries;
  let customers: CustomersService;

  beforeAll(async () => {
    service = await startService(kind);
    for (const id of [2, 3]) expect((await service.user()).id).toBe(id);
    customers = service.app.get(CustomersService);
    queries = service.app.get(DirectQueries);
    listed = await ListedCustomers.insert(service, ROWS);
    if (kind !== 'SQLite') await service.dataSource.query('ANALYZE TABLE customers, customer_words');
    service.app.get(KeyPaging).attempts = ATTEMPTS;
  });
  afterAll(() => service.close());

  /** Statements that read the table in the order of the list do not sort; others sort only ids that were counted. */
  async function checkPlans(query: ListCustomersQuery, statements: RecordedStatement[]): Promise<void> {
    const { index } = CUSTOMER_SORTS[query.sort!.replace('-', '')]!;
    for (const statement of statements) {
      const { text, sorts, scansTable, mergesIndexes } = await planOf(kind, service.dataSource, statement);
      const isInOrder = statement.sql.includes(
        `FROM customers ${kind === 'SQLite' ? 'INDEXED BY ' : 'FORCE INDEX ('}${index}`,
      );
      const found = { query, sql: statement.sql, text, sorts: isInOrder && sorts, scansTable, mergesIndexes };
      expect(found).toEqual({ ...found, sorts: false, scansTable: false, mergesIndexes: false });
    }
  }

  async function check(query: ListCustomersQuery): Promise<void> {
    const expected = listed.ids(query).slice(0, LIMIT);
    // the second time, the start of a list may be remembered
    for (const time of ['first', 'second']) {
      let ids: number[] = [];
      const statements = await recordStatements(queries, async () => {
        const { rows } = await customers.list({ ...query, limit: LIMIT });
        ids = rows.map(({ id }) => id);
      });
      expect({ query, time, ids }).toEqual({ query, time, ids: expected });
      await checkPlans(query, statements);
      if (kind === 'SQLite') continue;
      const reads = await readsOf(service.dataSource, statements);
      const bound = MAX_FACTOR * listed.cost(query, LIMIT) + MAX_ADDED;
      if (reads > bound)
        throw new Error(
          `${JSON.stringify(query)} read ${reads} rows, more than ${bound}: ${JSON.stringify(statements)}`,
        );
    }
  }

  it.each(SORTS)('lists by %s are read in their order, or from few ids, with each filter', async (sort) => {
    for (const filter of [{}, ...single]) await check({ ...filter, sort });
  });

  it.each(SORTS)('lists by %s are read in their order, or from few ids, with two filters', async (sort) => {
    // each pair in some of the orders
    for (const [n, filter] of pairs.entries())
      if (n % SORTS.length === SORTS.indexOf(sort)) await check({ ...filter, sort });
  });
});
