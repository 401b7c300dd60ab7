import { DirectQueries } from '../../src/database/direct-queries.js';
import { HealthService } from '../../src/health/health.service.js';
import { onEveryDatabase } from '../support/databases.js';
import { expectProblem } from '../support/refusals.js';
import { startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  it('is ready only when all migrations are applied', async () => {
    const { anonymous, dataSource } = service;
    expect((await anonymous.get('/readyz')).status).toBe(200);
    const { name } = dataSource.migrations.at(-1)!.constructor;
    await dataSource.query('UPDATE migrations SET name = ? WHERE name = ?', ['reverted', name]);
    const answer = await anonymous.get('/readyz');
    await dataSource.query('UPDATE migrations SET name = ? WHERE name = ?', [name, 'reverted']);
    expectProblem(answer, 503, 'migrations_pending');
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect((await anonymous.get('/readyz')).status).toBe(200);
  });

  it('shares one query between concurrent readiness checks', async () => {
    const health = service.app.get(HealthService);
    const queries = service.app.get(DirectQueries);
    const query = queries.query.bind(queries);
    let count = 0;
    queries.query = (sql, parameters) => {
      count++;
      return query(sql, parameters);
    };
    try {
      await Promise.all(Array.from({ length: 200 }, () => health.check()));
      expect(count).toBe(1);
      await health.check();
      expect(count).toBe(2);
    } finally {
      queries.query = query;
    }
  });

  it('responds 200 to 200 concurrent readiness checks', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => service.anonymous.get('/readyz')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
