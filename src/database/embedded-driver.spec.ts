import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { DataSource, EntityManager } from 'typeorm';
import { readEnv } from '../config/env.js';
import { connectionOptions, openDataSource } from './data-source.js';

/** A point that one side of a test reaches and another waits for. */
function signal(): { reached: Promise<void>; reach: () => void } {
  let reach!: () => void;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  return { reached, reach };
}

describe('transactions on the embedded database', () => {
  let directory: string;
  let dataSource: DataSource;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crm-embedded-'));
    dataSource = await openDataSource(await connectionOptions(readEnv({ DATA_DIR: directory }), []));
    await dataSource.query('PRAGMA busy_timeout = 50');
    await dataSource.query('CREATE TABLE parents (id integer PRIMARY KEY)');
    await dataSource.query(
      'CREATE TABLE notes (id integer PRIMARY KEY, text varchar(20) UNIQUE, parent integer REFERENCES parents (id))',
    );
  });
  afterAll(async () => {
    await dataSource.destroy();
    rmSync(directory, { recursive: true });
  });
  beforeEach(() => dataSource.query('DELETE FROM notes'));

  const add = (on: DataSource | EntityManager, text: string): Promise<unknown> =>
    on.query('INSERT INTO notes (text) VALUES (?)', [text]);
  const texts = async (on: DataSource | EntityManager = dataSource): Promise<string[]> =>
    (await on.query<Array<{ text: string }>>('SELECT text FROM notes ORDER BY text')).map(({ text }) => text);

  it('keeps what is written outside of a transaction that is rolled back', async () => {
    const [begun, written] = [signal(), signal()];
    const failing = dataSource.transaction(async (manager) => {
      await add(manager, 'inside');
      begun.reach();
      await written.reached;
      throw new Error('changed my mind');
    });
    await begun.reached;
    const outside = add(dataSource, 'outside');
    written.reach();
    await expect(failing).rejects.toThrow('changed my mind');
    await outside;
    expect(await texts()).toEqual(['outside']);
  });

  it('lets a read outside wait for the transaction: it never sees what is not committed', async () => {
    const [begun, asked] = [signal(), signal()];
    const writing = dataSource.transaction(async (manager) => {
      await add(manager, 'first');
      begun.reach();
      await asked.reached;
      await add(manager, 'second');
      expect(await texts(manager)).toEqual(['first', 'second']);
    });
    await begun.reached;
    const seen = texts();
    asked.reach();
    await writing;
    expect(await seen).toEqual(['first', 'second']);
  });

  it('shows nothing of a transaction that is rolled back to those who waited', async () => {
    const [begun, asked] = [signal(), signal()];
    const failing = dataSource.transaction(async (manager) => {
      await add(manager, 'never');
      begun.reach();
      await asked.reached;
      throw new Error('changed my mind');
    });
    await begun.reached;
    const seen = texts();
    asked.reach();
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await seen).toEqual([]);
  });

  it('runs 40 transactions at once one after the other: those that fail take nothing of the others along', async () => {
    let inside = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        dataSource.transaction(async (manager) => {
          expect(++inside).toBe(1);
          await add(manager, `a${index}`);
          await new Promise((resolve) => setImmediate(resolve));
          await add(manager, `b${index}`);
          inside--;
          if (index % 2 === 1) throw new Error('odd');
        }),
      ),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(20);
    const even = Array.from({ length: 20 }, (_, index) => [`a${2 * index}`, `b${2 * index}`]).flat();
    expect(await texts()).toEqual(even.sort());
  });

  it('lets no increment be lost when everybody reads first and writes then', async () => {
    await dataSource.query(`INSERT INTO notes (id, text) VALUES (1, '0')`);
    await Promise.all(
      Array.from({ length: 30 }, () =>
        dataSource.transaction(async (manager) => {
          const [value] = await texts(manager);
          await manager.query('UPDATE notes SET text = ?', [String(Number(value) + 1)]);
        }),
      ),
    );
    expect(await texts()).toEqual(['30']);
  });

  it('rolls back a transaction within a transaction alone', async () => {
    await dataSource.transaction(async (manager) => {
      await add(manager, 'outer');
      const inner = manager.transaction(async (nested) => {
        await add(nested, 'inner');
        throw new Error('only this');
      });
      await expect(inner).rejects.toThrow('only this');
      await add(manager, 'after');
    });
    expect(await texts()).toEqual(['after', 'outer']);
  });

  it('goes on after a statement in a transaction failed', async () => {
    await add(dataSource, 'taken');
    const failing = dataSource.transaction(async (manager) => {
      await add(manager, 'mine');
      await add(manager, 'taken');
    });
    await expect(failing).rejects.toMatchObject({ driverError: { code: 'SQLITE_CONSTRAINT_UNIQUE' } });
    await dataSource.transaction((manager) => add(manager, 'next'));
    expect(await texts()).toEqual(['next', 'taken']);
  });

  it('goes on after BEGIN failed, because another process is writing', async () => {
    const other = new Libsql(join(directory, 'crm.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    let ran = false;
    const refused = dataSource.transaction(() => Promise.resolve((ran = true)));
    await expect(refused).rejects.toMatchObject({ driverError: { code: 'SQLITE_BUSY' } });
    expect(ran).toBe(false);
    expect(await texts()).toEqual([]);
    other.exec('COMMIT');
    other.close();
    await dataSource.transaction((manager) => add(manager, 'next'));
    expect(await texts()).toEqual(['next']);
  });

  it('goes on after COMMIT failed, and nothing of the transaction stays', async () => {
    const failing = dataSource.transaction(async (manager) => {
      await manager.query('PRAGMA defer_foreign_keys = ON');
      await manager.query(`INSERT INTO notes (text, parent) VALUES ('orphan', 999)`);
    });
    await expect(failing).rejects.toMatchObject({ driverError: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } });
    await dataSource.transaction((manager) => add(manager, 'next'));
    expect(await texts()).toEqual(['next']);
  });

  it('starts transactions in the order in which they were asked for', async () => {
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        dataSource.transaction(async (manager) => {
          order.push(index);
          await add(manager, `t${index}`);
        }),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('goes on after SQLite itself rolled a transaction back, as it does when the disk is full', async () => {
    const own = await openDataSource(dataSource.options);
    await add(own, 'taken');
    const failing = own.transaction(async (manager) => {
      await add(manager, 'mine');
      await manager.query(`INSERT OR ROLLBACK INTO notes (text) VALUES ('taken')`);
    });
    const reason = await failing.catch((error: unknown) => error);
    const next = own.transaction((manager) => add(manager, 'next')).then(() => texts(own));
    const seen = await within(1_000, next).finally(() => own.destroy());
    expect(seen).toEqual(['next', 'taken']);
    // what went wrong first, not that there was nothing left to roll back
    expect(reason).toMatchObject({ driverError: { code: 'SQLITE_CONSTRAINT_UNIQUE' } });
  });
});

/** Fails rather than wait for ever. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still waiting after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
