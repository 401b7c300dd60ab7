import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Libsql from 'libsql';
import type { DataSource, QueryRunner } from 'typeorm';
import { dialectOf } from './dialect.js';

const WAIT_S = 120;

type Release = () => void | Promise<void>;

/**
 * Runs `work` in one instance at a time; the others wait, and find it done. A holder that is killed frees the lock,
 * which ends with its connection.
 */
export async function withLock<T>(dataSource: DataSource, dataDir: string, work: () => Promise<T>): Promise<T> {
  const release = await (dialectOf(dataSource) === 'sqlite' ? lockFile(dataDir) : lockServer(dataSource));
  try {
    return await work();
  } finally {
    await release();
  }
}

/** The embedded database belongs to one machine: SQLite's own lock, on an empty file beside it. */
async function lockFile(dataDir: string): Promise<Release> {
  const lock = new Libsql(join(dataDir, 'start.lock'));
  const deadline = Date.now() + WAIT_S * 1000;
  for (;;) {
    try {
      lock.exec('BEGIN EXCLUSIVE');
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || Date.now() > deadline) throw error;
      // not by busy_timeout, which would hold up everything else in this process
      await sleep(50);
    }
  }
  return () => {
    lock.exec('ROLLBACK');
    lock.close();
  };
}

/** Named after the database: another one on the same server does not wait for us. */
async function lockServer(dataSource: DataSource): Promise<Release> {
  const runner = dataSource.createQueryRunner();
  const name = `crm-service.${(await runner.getCurrentDatabase()) ?? ''}`.slice(0, 64);
  try {
    await take(runner, name);
  } catch (error) {
    await runner.release();
    throw error;
  }
  return async () => {
    await runner.query('SELECT RELEASE_LOCK(?)', [name]);
    await runner.release();
  };
}

/** Again and again, as no statement may take long. */
async function take(runner: QueryRunner, name: string): Promise<void> {
  const deadline = Date.now() + WAIT_S * 1000;
  while (Date.now() < deadline) {
    const [row] = (await runner.query('SELECT GET_LOCK(?, 1) AS held', [name])) as Array<{ held: unknown }>;
    if (Number(row?.held) === 1) return;
  }
  throw new Error(`Another instance has been starting for more than ${WAIT_S} s`);
}
