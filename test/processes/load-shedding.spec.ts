import { setTimeout as sleep } from 'node:timers/promises';
import { LoadShedding } from '../../src/http/load-shedding.js';
import type { Answer } from '../support/client.js';
import { expectProblem } from '../support/refusals.js';
import { startService, type TestService } from '../support/service.js';

describe('more requests than can be served', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());

  /** While the database is busy with something else, whatever comes waits. */
  async function whileNothingEnds<T>(work: () => Promise<T>): Promise<T> {
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      return await work();
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  }

  const ask = (count: number): Array<Promise<Answer>> =>
    Array.from({ length: count }, () => service.admin.get('/customers'));

  it('are let in as long as they may be a burst', async () => {
    let burst: Array<Promise<Answer>> = [];
    await whileNothingEnds(async () => {
      burst = ask(300);
      await sleep(300);
    });
    for (const { status } of await Promise.all(burst)) expect(status).toBe(200);
  });

  it('are refused at once if they go on, and those before them are served', async () => {
    let waiting: Array<Promise<Answer>> = [];
    const probes: Array<Promise<Answer>> = [];
    const refused = await whileNothingEnds(async () => {
      waiting = ask(250);
      while (!service.app.get(LoadShedding).isShedding) {
        probes.push(...ask(1));
        await sleep(100);
      }
      // there is an answer, although nothing ends
      const answers = await Promise.all(ask(20));
      expect((await service.anonymous.get('/livez')).status).toBe(200);
      // not refused: it asks the database, which is what is busy
      expectProblem(await service.anonymous.get('/readyz'), 503, 'database_unavailable');
      return answers;
    });
    for (const answer of refused) {
      expectProblem(answer, 503, 'overloaded');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    }
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
    for (const { status } of await Promise.all(probes)) expect([200, 503]).toContain(status);
    // back to normal
    for (const { status } of await Promise.all(ask(50))) expect(status).toBe(200);
  });
});
