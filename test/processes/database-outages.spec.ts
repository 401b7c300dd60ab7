import { setTimeout as sleep } from 'node:timers/promises';
import { DirectQueries } from '../../src/database/direct-queries.js';
import { toDatabaseProblem } from '../../src/problems/database-problem.js';
import type { Answer } from '../support/client.js';
import { kinds } from '../support/databases.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { until } from '../support/program.js';
import { expectProblem } from '../support/refusals.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

/** Within so long the answer is there, whatever the database does. */
const ANSWER_MS = 3_000;
/** Within so long after its return everything is as before. */
const RECOVERY_MS = 5_000;

const declare = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
declare('when the server of the database', () => {
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

  /** Everything that asks the database, in every way that the service does. */
  const askEverything = (): Array<Promise<Answer>> => [
    service.admin.get('/me'),
    service.admin.get('/customers'),
    service.admin.get('/customers/1'),
    service.admin.post('/customers', newCustomer()),
    service.admin.patch('/me', { name: 'Ada' }),
    service.anonymous.post('/login', { email: 'nobody@example.com', password: 'battery staple' }),
    service.anonymous.get('/readyz'),
  ];

  async function expectUnavailable(asked: Array<Promise<Answer>>): Promise<void> {
    const start = performance.now();
    const answers = await Promise.all(
      asked.map(async (answer) => ({ ...(await answer), took: performance.now() - start })),
    );
    for (const answer of answers) {
      expectProblem(answer, 503, 'database_unavailable');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect(answer.took).toBeLessThan(ANSWER_MS);
    }
  }

  async function expectRecovery(): Promise<void> {
    const start = performance.now();
    await until(async () => (await service.anonymous.get('/readyz')).status === 200);
    await until(async () => (await service.admin.post('/customers', newCustomer())).status === 201);
    expect(performance.now() - start).toBeLessThan(RECOVERY_MS);
    // no connection that hangs was left behind
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.admin.get('/customers')));
    for (const { status } of answers) expect(status).toBe(200);
  }

  it('is frozen, answers 503 in time, also to more than it has connections for, and goes on by itself', async () => {
    const { pid } = mariadb.process();
    process.kill(pid!, 'SIGSTOP');
    try {
      const asked = askEverything();
      expect((await service.anonymous.get('/livez')).status).toBe(200);
      await expectUnavailable(asked);
      // by now its connections have been given up, and new ones get no answer either
      await expectUnavailable([
        ...askEverything(),
        ...Array.from({ length: 80 }, () => service.admin.get('/customers')),
      ]);
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    await expectRecovery();
  });

  it('is killed, answers 503 at once, and goes on when it is back', async () => {
    mariadb.process().kill('SIGKILL');
    await until(async () => (await service.anonymous.get('/readyz')).status === 503);
    await expectUnavailable(askEverything());
    await mariadb.restart();
    await expectRecovery();
  });

  it('takes too long for a statement, ends it on the server too', async () => {
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

  it('keeps a transaction waiting between two statements, leaves it its connection', async () => {
    const row = await service.dataSource.transaction(async (manager) => {
      await manager.query('CREATE TEMPORARY TABLE mine (n INT)');
      // longer than a connection may be silent without being asked whether it lives
      await sleep(2_500);
      return manager.query('SELECT COUNT(*) AS count FROM mine');
    });
    expect(row).toEqual([{ count: '0' }]);
  });
});
