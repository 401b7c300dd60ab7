import { setImmediate as nextTick } from 'node:timers/promises';
import { Transactions, VersionRaceError } from '../../src/writes/transactions.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { captureOutput } from '../support/output.js';
import { keyed, Rows, sendUnchecked } from '../support/rows.js';
import { newCustomer, startService, type TestService, unique } from '../support/service.js';

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
    const insert = 'INSERT INTO mutexes (name, turn) VALUES (?, 0)';

    it('are isolated from each other and from writes outside a transaction', async () => {
      const transactions = service.app.get(Transactions);
      await rows.query(insert, ['counter']);
      const increment = `UPDATE mutexes SET turn = turn + 1 WHERE name = 'counter'`;
      const attempts = Array.from({ length: 30 }, (_, n) => [
        transactions.run(async (manager) => {
          await manager.query(insert, [`committed-${n}-first`]);
          await nextTick();
          await manager.query(insert, [`committed-${n}-second`]);
          await manager.query(increment);
        }),
        transactions.run(async (manager) => {
          await manager.query(insert, [`rolled-back-${n}-first`]);
          await nextTick();
          await manager.query(increment);
          await manager.query(insert, [`rolled-back-${n}-second`]);
          await nextTick();
          throw new Error('expected');
        }),
        rows.query(insert, [`plain-${n}`]),
        // violates the primary key; only this statement fails
        rows.query(insert, ['counter']),
      ]);
      const outcomes = await Promise.allSettled(attempts.flat());
      expect(outcomes.map(({ status }) => status)).toEqual(
        attempts.flatMap(() => ['fulfilled', 'rejected', 'fulfilled', 'rejected']),
      );

      const written = await rows.query(`SELECT name FROM mutexes WHERE name LIKE '%-%'`);
      const expected = attempts.flatMap((_, n) => [`committed-${n}-first`, `committed-${n}-second`, `plain-${n}`]);
      expect(written.map(({ name }) => name as string).sort()).toEqual(expected.sort());
      expect(await rows.query(`SELECT turn FROM mutexes WHERE name = 'counter'`)).toEqual([{ turn: 30 }]);
    });

    it('hide their writes from others until they commit', async () => {
      const transactions = service.app.get(Transactions);
      const name = `hidden-${unique()}`;
      let outside: Promise<number>;
      await transactions.run(async (manager) => {
        await manager.query(insert, [name]);
        outside = rows.count('mutexes WHERE name = ?', [name]);
        // the embedded database queues the read until the transaction ends; a server returns at once
        if (kind === 'MariaDB') expect(await outside).toBe(0);
        else await nextTick();
        expect(Number((await manager.query('SELECT COUNT(*) AS n FROM mutexes WHERE name = ?', [name]))[0].n)).toBe(1);
      });
      expect(await outside!).toBe(kind === 'MariaDB' ? 0 : 1);
      expect(await rows.count('mutexes WHERE name = ?', [name])).toBe(1);
    });

    it('can continue after a failed statement that the caller handles', async () => {
      const name = `expected-${unique()}`;
      await service.app.get(Transactions).run(async (manager) => {
        await manager.query(insert, [name]);
        await expect(manager.query(insert, [name])).rejects.toThrow();
        await manager.query('UPDATE mutexes SET turn = 7 WHERE name = ?', [name]);
      });
      expect(await rows.query('SELECT turn FROM mutexes WHERE name = ?', [name])).toEqual([{ turn: 7 }]);
    });

    it('are retried as a whole when the database chooses them as deadlock victim', async () => {
      const transactions = service.app.get(Transactions);
      const [first, second] = [await rows.create(), await rows.create()];
      // the embedded database runs one transaction at a time, so two of them cannot wait for each other
      const waitForOther = kind === 'MariaDB' ? createBarrier(2) : () => Promise.resolve();
      let attempts = 0;
      const incrementVersions = (ids: number[]): Promise<void> => {
        let isFirst = true;
        return transactions.run(async (manager) => {
          attempts++;
          await manager.query('UPDATE customers SET version = version + 1 WHERE id = ?', [ids[0]]);
          if (isFirst) {
            isFirst = false;
            await waitForOther();
          }
          await manager.query('UPDATE customers SET version = version + 1 WHERE id = ?', [ids[1]]);
        });
      };
      await Promise.all([incrementVersions([first.id, second.id]), incrementVersions([second.id, first.id])]);
      expect(attempts).toBe(kind === 'MariaDB' ? 3 : 2);
      // the rolled back increment of the victim does not count
      expect([(await rows.customer(first.id)).version, (await rows.customer(second.id)).version]).toEqual([3, 3]);
    });

    it('are retried after a version race, at most three times', async () => {
      const transactions = service.app.get(Transactions);
      const run = async (failures: number): Promise<{ attempts: number; name: string; error?: unknown }> => {
        const name = `raced-${unique()}`;
        let attempts = 0;
        const error = await transactions
          .run(async (manager) => {
            await manager.query(insert, [name]);
            if (++attempts <= failures) throw new VersionRaceError();
          })
          .then(
            () => undefined,
            (reason: unknown) => reason,
          );
        return { attempts, name, error };
      };
      const [succeeded, failed] = await Promise.all([run(3), run(4)]);
      expect(succeeded).toMatchObject({ attempts: 4, error: undefined });
      expect(await rows.count('mutexes WHERE name = ?', [succeeded.name])).toBe(1);
      expect(failed).toMatchObject({ attempts: 4, error: expect.any(VersionRaceError) });
      expect(await rows.count('mutexes WHERE name = ?', [failed.name])).toBe(0);
    });

    it('are not retried for any other error', async () => {
      let attempts = 0;
      const run = service.app.get(Transactions).run(() => {
        attempts++;
        return Promise.reject(new Error('expected'));
      });
      await expect(run).rejects.toThrow('expected');
      expect(attempts).toBe(1);
    });
  });

  describe('a failed history insert', () => {
    const insertConflictingEntry = (id: number, version: number): Promise<unknown> =>
      rows.query(
        `INSERT INTO history (resource, resource_id, version, action, changed_at, changes)
         VALUES ('customer', ?, ?, 'conflicting', '2024-01-01 00:00:00.000', '{}')`,
        [id, version],
      );
    const deleteConflictingEntries = (): Promise<unknown> =>
      rows.query(`DELETE FROM history WHERE action = 'conflicting'`);
    // keeps the expected errors out of the test output
    let log: ReturnType<typeof captureOutput>;
    beforeAll(() => {
      log = captureOutput();
    });
    afterAll(() => log.stop());
    afterEach(deleteConflictingEntries);

    const expectFailure = ({ status, headers, text }: Awaited<ReturnType<typeof sendUnchecked>>): void => {
      expect(status).toBe(500);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(text)).toMatchObject({ code: 'internal_error', requestId: headers.get('x-request-id') });
      expect(text).not.toMatch(/insert|duplicate|constraint|history|\.ts|node_modules/i);
    };

    it('rolls back an update and a deletion', async () => {
      const { id } = await rows.create();
      await insertConflictingEntry(id, 2);
      const before = await rows.everything();
      expectFailure(await sendUnchecked(service.admin, 'PATCH', `/customers/${id}`, { name: 'Changed' }));
      expectFailure(await sendUnchecked(service.admin, 'DELETE', `/customers/${id}`));
      expect(await rows.everything()).toEqual(before);
      await deleteConflictingEntries();
      expect((await user.patch(`/customers/${id}`, { name: 'Changed' })).body).toMatchObject({ version: 2 });
    });

    it('rolls back a restore', async () => {
      const { id } = await rows.create();
      await user.delete(`/customers/${id}`);
      await insertConflictingEntry(id, 3);
      const before = await rows.everything();
      expectFailure(await sendUnchecked(service.admin, 'POST', `/customers/${id}/restore`));
      expect(await rows.everything()).toEqual(before);
      await deleteConflictingEntries();
      expect((await user.post(`/customers/${id}/restore`)).body).toMatchObject({ version: 3 });
    });

    it('rolls back a creation and the record of its Idempotency-Key', async () => {
      const { id } = await rows.create();
      // on a server, the failed request uses up an id
      for (let next = id + 1; next <= id + 3; next++) await insertConflictingEntry(next, 1);
      const body = newCustomer();
      const key = unique();
      const before = await rows.everything();
      expectFailure(await sendUnchecked(service.admin, 'POST', '/customers', body, { 'idempotency-key': key }));
      expect(await rows.everything()).toEqual(before);
      expect(await rows.withEmail(body.email)).toBe(0);
      await deleteConflictingEntries();
      const { status, headers } = await service.admin.post('/customers', body, keyed(key));
      expect(status).toBe(201);
      expect(headers.get('idempotency-replayed')).toBeNull();
    });
  });
});

/** Blocks every caller until `n` callers wait. */
function createBarrier(n: number): () => Promise<void> {
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
