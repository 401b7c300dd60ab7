import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { DataSource, EntityManager } from 'typeorm';
import { readEnv } from '../config/env.js';
import { connectionOptions, openDataSource } from './data-source.js';

/** Lets one side of a test wait until the other reaches a point. */
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

  it('keep writes from outside when they roll back', async () => {
    const [begun, written] = [signal(), signal()];
    const failing = dataSource.transaction(async (manager) => {
      await add(manager, 'inside');
      begun.reach();
      await written.reached;
      throw new Error('expected');
    });
    await begun.reached;
    const outside = add(dataSource, 'outside');
    written.reach();
    await expect(failing).rejects.toThrow('expected');
    await outside;
    expect(await texts()).toEqual(['outside']);
  });

  it('block reads from outside, which never see uncommitted rows', async () => {
    const [begun, queried] = [signal(), signal()];
    const writing = dataSource.transaction(async (manager) => {
      await add(manager, 'first');
      begun.reach();
      await queried.reached;
      await add(manager, 'second');
      expect(await texts(manager)).toEqual(['first', 'second']);
    });
    await begun.reached;
    const seen = texts();
    queried.reach();
    await writing;
    expect(await seen).toEqual(['first', 'second']);
  });

  it('hide rolled back rows from the reads that waited', async () => {
    const [begun, queried] = [signal(), signal()];
    const failing = dataSource.transaction(async (manager) => {
      await add(manager, 'never');
      begun.reach();
      await queried.reached;
      throw new Error('expected');
    });
    await begun.reached;
    const seen = texts();
    queried.reach();
    await expect(failing).rejects.toThrow('expected');
    expect(await seen).toEqual([]);
  });

  it('run one after the other and roll back only their own writes', async () => {
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

  it('lose no increment when all of them read before they write', async () => {
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

  it('roll back a nested transaction without the outer one', async () => {
    await dataSource.transaction(async (manager) => {
      await add(manager, 'outer');
      const inner = manager.transaction(async (nested) => {
        await add(nested, 'inner');
        throw new Error('expected');
      });
      await expect(inner).rejects.toThrow('expected');
      await add(manager, 'after');
    });
    expect(await texts()).toEqual(['after', 'outer']);
  });

  it('continue after a statement of another transaction failed', async () => {
    await add(dataSource, 'taken');
    const failing = dataSource.transaction(async (manager) => {
      await add(manager, 'mine');
      await add(manager, 'taken');
    });
    await expect(failing).rejects.toMatchObject({ driverError: { code: 'SQLITE_CONSTRAINT_UNIQUE' } });
    await dataSource.transaction((manager) => add(manager, 'next'));
    expect(await texts()).toEqual(['next', 'taken']);
  });

  it('continue after BEGIN failed because another process is writing', async () => {
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

  it('continue after COMMIT failed, without rows of the failed transaction', async () => {
    const failing = dataSource.transaction(async (manager) => {
      await manager.query('PRAGMA defer_foreign_keys = ON');
      await manager.query(`INSERT INTO notes (text, parent) VALUES ('orphan', 999)`);
    });
    await expect(failing).rejects.toMatchObject({ driverError: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } });
    await dataSource.transaction((manager) => add(manager, 'next'));
    expect(await texts()).toEqual(['next']);
  });

  it('start in the order of their requests', async () => {
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

  it('continue after SQLite rolled back a transaction by itself, as it does when the disk is full', async () => {
    const own = await openDataSource(dataSource.options);
    await add(own, 'taken');
    const failing = own.transaction(async (manager) => {
      await add(manager, 'mine');
      await manager.query(`INSERT OR ROLLBACK INTO notes (text) VALUES ('taken')`);
    });
    const reason = await failing.catch((error: unknown) => error);
    const next = own.transaction((manager) => add(manager, 'next')).then(() => texts(own));
    const seen = await next.finally(() => own.destroy());
    expect(seen).toEqual(['next', 'taken']);
    // the original error, not that there was no transaction to roll back
    expect(reason).toMatchObject({ driverError: { code: 'SQLITE_CONSTRAINT_UNIQUE' } });
  });
});
