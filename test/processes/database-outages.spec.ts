import { setTimeout as sleep } from 'node:timers/promises';
import { DirectQueries } from '../../src/database/direct-queries.js';
import { toDatabaseProblem } from '../../src/problems/database-problem.js';
import type { Answer } from '../support/client.js';
import { kinds } from '../support/databases.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { until } from '../support/program.js';
import { expectProblem } from '../support/refusals.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

/** Maximum response time, whatever the database does. */
const MAX_RESPONSE_MS = 3_000;
/** Maximum time until the service works again after the database is back. */
const MAX_RECOVERY_MS = 5_000;

const describeOnServer = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
describeOnServer('the service', () => {
  let mariadb: Mariadb;
  let service: TestService;
  beforeAll(async () => {
    mariadb = await startMariadb();
    service = await startService('MariaDB', { server: mariadb.uri });
  });
  afterAll(async () => {
    await service.close();
    await mariadb.remove();
  });

  /** Requests that use the database in each way that the service does. */
  const sendRequests = (): Array<Promise<Answer>> => [
    service.admin.get('/me'),
    service.admin.get('/customers'),
    service.admin.get('/customers/1'),
    service.admin.post('/customers', newCustomer()),
    service.admin.patch('/me', { name: 'Ada' }),
    service.anonymous.post('/login', { email: 'nobody@example.com', password: 'battery staple' }),
    service.anonymous.get('/readyz'),
  ];

  async function expectUnavailable(requests: Array<Promise<Answer>>): Promise<void> {
    const start = performance.now();
    const responses = await Promise.all(
      requests.map(async (response) => ({ ...(await response), took: performance.now() - start })),
    );
    for (const response of responses) {
      expectProblem(response, 503, 'database_unavailable');
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect(response.took).toBeLessThan(MAX_RESPONSE_MS);
    }
  }

  async function expectRecovery(): Promise<void> {
    const start = performance.now();
    await until(async () => (await service.anonymous.get('/readyz')).status === 200);
    await until(async () => (await service.admin.post('/customers', newCustomer())).status === 201);
    expect(performance.now() - start).toBeLessThan(MAX_RECOVERY_MS);
    // no hanging connection is left in the pool
    const responses = await Promise.all(Array.from({ length: 50 }, () => service.admin.get('/customers')));
    for (const { status } of responses) expect(status).toBe(200);
  }

  it('responds 503 in time while the database server is frozen, even beyond the pool size, and recovers by itself', async () => {
    const { pid } = mariadb.process();
    process.kill(pid!, 'SIGSTOP');
    try {
      const requests = sendRequests();
      expect((await service.anonymous.get('/livez')).status).toBe(200);
      await expectUnavailable(requests);
      // the pool has discarded its connections by now, and new ones get no response either
      await expectUnavailable([
        ...sendRequests(),
        ...Array.from({ length: 80 }, () => service.admin.get('/customers')),
      ]);
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    await expectRecovery();
  });

  it('responds 503 in time after the database server is killed, and recovers when it restarts', async () => {
    mariadb.process().kill('SIGKILL');
    await until(async () => (await service.anonymous.get('/readyz')).status === 503);
    await expectUnavailable(sendRequests());
    await mariadb.restart();
    await expectRecovery();
  });

  it('kills a statement on the server when it times out', async () => {
    const error: unknown = await service.app
      .get(DirectQueries)
      .query('SELECT SLEEP(60)', [])
      .catch((thrown: unknown) => thrown);
    expect(toDatabaseProblem(error)).toMatchObject({ code: 'database_unavailable' });
    const running = await service.dataSource.query<unknown[]>(
      `SELECT info FROM information_schema.processlist WHERE info = 'SELECT SLEEP(60)'`,
    );
    expect(running).toEqual([]);
  });

  it('keeps the connection of a transaction that pauses between statements', async () => {
    const row = await service.dataSource.transaction(async (manager) => {
      await manager.query('CREATE TEMPORARY TABLE mine (n INT)');
      // longer than the idle time after which the pool pings a connection
      await sleep(2_500);
      return manager.query('SELECT COUNT(*) AS count FROM mine');
    });
    expect(row).toEqual([{ count: '0' }]);
  });
});
