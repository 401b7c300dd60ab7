import { setTimeout as sleep } from 'node:timers/promises';
import { claimOnce, lockInTransaction, withLock } from '../../src/database/locks.js';
import { onEveryDatabase } from '../support/databases.js';
import { until } from '../support/program.js';
import { Rows } from '../support/rows.js';
import { startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  const rows = new Rows(() => service);
  const lock = <T>(work: () => Promise<T>): Promise<T> => withLock(service.dataSource, service.dataDir, work);

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  it('serializes the work of several holders', async () => {
    let running = 0;
    let maxRunning = 0;
    const hold = (): Promise<void> =>
      lock(async () => {
        maxRunning = Math.max(maxRunning, ++running);
        await sleep(20);
        running--;
      });
    await Promise.all(Array.from({ length: 5 }, hold));
    expect(maxRunning).toBe(1);
  });

  it('releases the lock after failed work', async () => {
    await expect(lock(() => Promise.reject(new Error('expected')))).rejects.toThrow('expected');
    expect(await lock(() => Promise.resolve('next'))).toBe('next');
  });

  it('lets only one caller claim a value', async () => {
    const { manager } = service.dataSource;
    const claims = await Promise.all(Array.from({ length: 5 }, () => claimOnce(manager, 'photo_sweep', 1_000_000)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await claimOnce(manager, 'photo_sweep', 999_999)).toBe(false);
    expect(await claimOnce(manager, 'photo_sweep', 1_000_001)).toBe(true);
  });

  it('serializes transactions that lock the same name', async () => {
    const order: string[] = [];
    const run = (name: string): Promise<void> =>
      service.dataSource.transaction(async (manager) => {
        await lockInTransaction(manager, 'admins');
        order.push(`${name} in`);
        await sleep(20);
        order.push(`${name} out`);
      });
    await Promise.all([run('a'), run('b')]);
    const [first, second] = order[0] === 'a in' ? ['a', 'b'] : ['b', 'a'];
    expect(order).toEqual([`${first} in`, `${first} out`, `${second} in`, `${second} out`]);
  });

  if (kind === 'MariaDB') {
    const expire = (): Promise<unknown> => rows.query('UPDATE locks SET expires_at = UTC_TIMESTAMP(3)');

    it('takes over the lock of a killed holder when its lease expires', async () => {
      await rows.query(`INSERT INTO locks VALUES ('start', 'killed', UTC_TIMESTAMP(3) + INTERVAL 1 HOUR)`);
      let isHeld = false;
      const waiting = lock(() => {
        isHeld = true;
        return Promise.resolve();
      });
      await sleep(300);
      expect(isHeld).toBe(false);
      await expire();
      await waiting;
      expect(await rows.count('locks')).toBe(0);
    });

    it('fails the work of a holder that lost its lock and keeps the lock of the new holder', async () => {
      let release: (() => void) | undefined;
      const expired = lock(() => new Promise<void>((resolve) => (release = resolve)));
      const failed = expect(expired).rejects.toThrow('Lost the lock');
      const finish = await until(() => release);
      await expire();
      await lock(() => failed);
      finish();
      expect(await rows.count('locks')).toBe(0);
    });

    it('renews the lease while the work is in progress', async () => {
      await lock(async () => {
        const [before] = await rows.query('SELECT expires_at AS at FROM locks');
        while (true) {
          await sleep(100);
          const [now] = await rows.query('SELECT expires_at AS at FROM locks');
          if (now.at > before.at) break;
        }
      });
    });
  }
});
