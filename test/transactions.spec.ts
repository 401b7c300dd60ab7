import { setImmediate as turn } from 'node:timers/promises';
import { Transactions, VersionRaceError } from '../src/writes/transactions.js';
import type { Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { keyed, Rows, sendUnchecked } from './support/rows.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number; email: string; password: string };
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  describe('transactions', () => {
    const mutex = 'INSERT INTO mutexes (name, turn) VALUES (?, 0)';

    it('do not touch each other, nor what is written outside of them', async () => {
      const transactions = service.app.get(Transactions);
      await rows.query(mutex, ['counter']);
      const counted = `UPDATE mutexes SET turn = turn + 1 WHERE name = 'counter'`;
      const attempts = Array.from({ length: 30 }, (_, n) => [
        transactions.run(async (manager) => {
          await manager.query(mutex, [`kept-${n}-first`]);
          await turn();
          await manager.query(mutex, [`kept-${n}-second`]);
          await manager.query(counted);
        }),
        transactions.run(async (manager) => {
          await manager.query(mutex, [`gone-${n}-first`]);
          await turn();
          await manager.query(counted);
          await manager.query(mutex, [`gone-${n}-second`]);
          await turn();
          throw new Error('on purpose');
        }),
        rows.query(mutex, [`plain-${n}`]),
        // fails in the database, and only itself
        rows.query(mutex, ['counter']),
      ]);
      const outcomes = await Promise.allSettled(attempts.flat());
      expect(outcomes.map(({ status }) => status)).toEqual(
        attempts.flatMap(() => ['fulfilled', 'rejected', 'fulfilled', 'rejected']),
      );

      const written = await rows.query(`SELECT name FROM mutexes WHERE name LIKE '%-%'`);
      const expected = attempts.flatMap((_, n) => [`kept-${n}-first`, `kept-${n}-second`, `plain-${n}`]);
      expect(written.map(({ name }) => name as string).sort()).toEqual(expected.sort());
      expect(await rows.query(`SELECT turn FROM mutexes WHERE name = 'counter'`)).toEqual([{ turn: 30 }]);
    });

    it('keep their writes to themselves until they commit', async () => {
      const transactions = service.app.get(Transactions);
      const name = `hidden-${unique()}`;
      let outside: Promise<number>;
      await transactions.run(async (manager) => {
        await manager.query(mutex, [name]);
        outside = rows.count('mutexes WHERE name = ?', [name]);
        // the embedded database answers after the transaction; a server answers at once
        if (kind === 'MariaDB') expect(await outside).toBe(0);
        else await turn();
        expect(Number((await manager.query('SELECT COUNT(*) AS n FROM mutexes WHERE name = ?', [name]))[0].n)).toBe(1);
      });
      expect(await outside!).toBe(kind === 'MariaDB' ? 0 : 1);
      expect(await rows.count('mutexes WHERE name = ?', [name])).toBe(1);
    });

    it('go on after a statement of theirs failed that they expected to', async () => {
      const name = `expected-${unique()}`;
      await service.app.get(Transactions).run(async (manager) => {
        await manager.query(mutex, [name]);
        await expect(manager.query(mutex, [name])).rejects.toThrow();
        await manager.query('UPDATE mutexes SET turn = 7 WHERE name = ?', [name]);
      });
      expect(await rows.query('SELECT turn FROM mutexes WHERE name = ?', [name])).toEqual([{ turn: 7 }]);
    });

    it('start over when they lose to another in a deadlock', async () => {
      const transactions = service.app.get(Transactions);
      const [one, other] = [await rows.create(), await rows.create()];
      // on the embedded database a transaction excludes all others: they cannot meet in the middle
      const meet = kind === 'MariaDB' ? meeting(2) : () => Promise.resolve();
      let attempts = 0;
      const raise = (ids: number[]): Promise<void> => {
        let isFirst = true;
        return transactions.run(async (manager) => {
          attempts++;
          await manager.query('UPDATE customers SET version = version + 1 WHERE id = ?', [ids[0]]);
          if (isFirst) {
            isFirst = false;
            await meet();
          }
          await manager.query('UPDATE customers SET version = version + 1 WHERE id = ?', [ids[1]]);
        });
      };
      await Promise.all([raise([one.id, other.id]), raise([other.id, one.id])]);
      expect(attempts).toBe(kind === 'MariaDB' ? 3 : 2);
      // what the loser did before it lost is not counted
      expect([(await rows.customer(one.id)).version, (await rows.customer(other.id)).version]).toEqual([3, 3]);
    });

    it('start over when they were overtaken, three times at most', async () => {
      const transactions = service.app.get(Transactions);
      const run = async (failures: number): Promise<{ attempts: number; name: string; error?: unknown }> => {
        const name = `overtaken-${unique()}`;
        let attempts = 0;
        const error = await transactions
          .run(async (manager) => {
            await manager.query(mutex, [name]);
            if (++attempts <= failures) throw new VersionRaceError();
          })
          .then(
            () => undefined,
            (reason: unknown) => reason,
          );
        return { attempts, name, error };
      };
      const [won, lost] = await Promise.all([run(3), run(4)]);
      expect(won).toMatchObject({ attempts: 4, error: undefined });
      expect(await rows.count('mutexes WHERE name = ?', [won.name])).toBe(1);
      expect(lost).toMatchObject({ attempts: 4, error: expect.any(VersionRaceError) });
      expect(await rows.count('mutexes WHERE name = ?', [lost.name])).toBe(0);
    });

    it('do not start over for any other reason', async () => {
      let attempts = 0;
      const run = service.app.get(Transactions).run(() => {
        attempts++;
        return Promise.reject(new Error('on purpose'));
      });
      await expect(run).rejects.toThrow('on purpose');
      expect(attempts).toBe(1);
    });
  });

  describe('a history that cannot be written', () => {
    const occupy = (id: number, version: number): Promise<unknown> =>
      rows.query(
        `INSERT INTO history (resource, resource_id, version, action, changed_at, changes)
         VALUES ('customer', ?, ?, 'occupied', '2024-01-01 00:00:00.000', '{}')`,
        [id, version],
      );
    const vacate = (): Promise<unknown> => rows.query(`DELETE FROM history WHERE action = 'occupied'`);
    // the errors that it would log are wanted
    beforeAll(() => service.app.useLogger(false));
    afterEach(vacate);

    const expectFailure = ({ status, headers, text }: Awaited<ReturnType<typeof sendUnchecked>>): void => {
      expect(status).toBe(500);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(text)).toMatchObject({ code: 'internal_error', requestId: headers.get('x-request-id') });
      expect(text).not.toMatch(/insert|duplicate|constraint|history|\.ts|node_modules/i);
    };

    it('undoes the change', async () => {
      const { id } = await rows.create();
      await occupy(id, 2);
      const before = await rows.everything();
      expectFailure(await sendUnchecked(service.admin, 'PATCH', `/customers/${id}`, { name: 'Changed' }));
      expectFailure(await sendUnchecked(service.admin, 'DELETE', `/customers/${id}`));
      expect(await rows.everything()).toEqual(before);
      await vacate();
      expect((await user.patch(`/customers/${id}`, { name: 'Changed' })).body).toMatchObject({ version: 2 });
    });

    it('undoes the restore', async () => {
      const { id } = await rows.create();
      await user.delete(`/customers/${id}`);
      await occupy(id, 3);
      const before = await rows.everything();
      expectFailure(await sendUnchecked(service.admin, 'POST', `/customers/${id}/restore`));
      expect(await rows.everything()).toEqual(before);
      await vacate();
      expect((await user.post(`/customers/${id}/restore`)).body).toMatchObject({ version: 3 });
    });

    it('undoes the creation and the record of its Idempotency-Key', async () => {
      const { id } = await rows.create();
      // a server does not use the id again that a failed request was given
      for (let next = id + 1; next <= id + 3; next++) await occupy(next, 1);
      const body = newCustomer();
      const key = unique();
      const before = await rows.everything();
      expectFailure(await sendUnchecked(service.admin, 'POST', '/customers', body, { 'idempotency-key': key }));
      expect(await rows.everything()).toEqual(before);
      expect(await rows.withEmail(body.email)).toBe(0);
      await vacate();
      const { status, headers } = await service.admin.post('/customers', body, keyed(key));
      expect(status).toBe(201);
      expect(headers.get('idempotency-replayed')).toBeNull();
    });
  });
});

/** Lets nobody on before `n` are there. */
function meeting(n: number): () => Promise<void> {
  const { promise, resolve } = withResolvers();
  return () => {
    if (--n === 0) resolve();
    return promise;
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
