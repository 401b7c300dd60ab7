import { onEveryDatabase } from './support/databases.js';
import { expectProblem } from './support/refusals.js';
import { startService, type TestService } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  it('is ready when the database is up to date, and not before', async () => {
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

  it('answers everybody who asks whether it is ready with one question to the database', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => service.anonymous.get('/readyz')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
