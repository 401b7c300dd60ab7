import { toSqlTime } from '../../src/database/dialect.js';
import { deleteExpired } from '../../src/database/housekeeping.js';
import { RateLimit } from '../../src/limits/rate-limit.entity.js';
import { onEveryDatabase } from '../support/databases.js';
import { startService, type TestService } from '../support/service.js';

const DAY_MS = 24 * 60 * 60 * 1_000;

onEveryDatabase((kind) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  it('deletes every expired row across several batches, and keeps the others', async () => {
    const { dataSource } = service;
    const now = new Date();
    const expired = toSqlTime(new Date(now.getTime() - 1));
    const live = toSqlTime(new Date(now.getTime() + DAY_MS));
    const rows = Array.from({ length: 2_500 }, (_, n) => `('expired-${n}', 1, '${expired}')`);
    await dataSource.query('DELETE FROM rate_limits');
    await dataSource.query(
      `INSERT INTO rate_limits (name, points, expires_at) VALUES ${rows.join()}, ('live', 1, '${live}')`,
    );
    await deleteExpired(dataSource.getRepository(RateLimit), now);
    expect(await dataSource.query('SELECT name FROM rate_limits')).toEqual([{ name: 'live' }]);
  });
});
