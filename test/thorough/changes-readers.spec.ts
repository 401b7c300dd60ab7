import { setTimeout as sleep } from 'node:timers/promises';
import { WaitingReaders } from '../../src/changes/waiting-readers.js';
import { LoadShedding } from '../../src/http/load-shedding.js';
import { onEveryDatabase } from '../support/databases.js';
import { until } from '../support/program.js';
import { times } from '../support/rows.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const USERS = 5;
/** Together more than the requests in progress that the service treats as load, and than its database connections. */
const POLLS_PER_USER = 45;

onEveryDatabase((kind) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(kind, { env: { DATABASE_POOL: '2' } });
  });
  afterAll(() => service.close());

  it('readers that wait are no load, hold no connection of the database, and are all woken by one change', async () => {
    const users = await times(USERS, () => service.user());
    const { crm } = service.admin;
    const { data: now } = await crm.GET('/customers/changes', { params: { query: { after: 'now' } } });
    const query = { after: now.page.next, wait: 25 };
    const polls = users.flatMap((user) =>
      Array.from({ length: POLLS_PER_USER }, () => user.crm.GET('/customers/changes', { params: { query } })),
    );
    await until(() => service.app.get(WaitingReaders).counts.waiting === USERS * POLLS_PER_USER);
    // longer than a burst above the limit may last
    await sleep(1_200);
    const { id } = await crm.createCustomer(newCustomer());
    expect(service.app.get(LoadShedding).isShedding).toBe(false);
    for (const { data, response } of await Promise.all(polls)) {
      expect(response.status).toBe(200);
      expect(data.data).toMatchObject([{ id, version: 1 }]);
    }
    expect(service.app.get(WaitingReaders).counts).toEqual({ readers: 0, waiting: 0 });
  }, 120_000);
});
