import { setTimeout as sleep } from 'node:timers/promises';
import { LoadShedding } from '../../src/http/load-shedding.js';
import type { Answer } from '../support/client.js';
import { expectProblem } from '../support/refusals.js';
import { startService, type TestService } from '../support/service.js';

describe('load shedding', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());

  /** Blocks the embedded database with a transaction, so that all requests wait. */
  async function whileBlocked<T>(work: () => Promise<T>): Promise<T> {
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      return await work();
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  }

  const send = (count: number): Array<Promise<Answer>> =>
    Array.from({ length: count }, () => service.admin.get('/customers'));

  it('admits a short burst', async () => {
    let burst: Array<Promise<Answer>> = [];
    await whileBlocked(async () => {
      burst = send(300);
      await sleep(300);
    });
    for (const { status } of await Promise.all(burst)) expect(status).toBe(200);
  });

  it('sheds new requests when the overload lasts, and serves the admitted ones', async () => {
    let waiting: Array<Promise<Answer>> = [];
    const probes: Array<Promise<Answer>> = [];
    const refused = await whileBlocked(async () => {
      waiting = send(250);
      while (!service.app.get(LoadShedding).isShedding) {
        probes.push(...send(1));
        await sleep(100);
      }
      // shed requests get a response although the database is blocked
      const answers = await Promise.all(send(20));
      expect((await service.anonymous.get('/livez')).status).toBe(200);
      // not shed: it queries the database, which is blocked
      expectProblem(await service.anonymous.get('/readyz'), 503, 'database_unavailable');
      return answers;
    });
    for (const answer of refused) {
      expectProblem(answer, 503, 'overloaded');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    }
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
    for (const { status } of await Promise.all(probes)) expect([200, 503]).toContain(status);
    // shedding has ended
    for (const { status } of await Promise.all(send(50))) expect(status).toBe(200);
  });
});
