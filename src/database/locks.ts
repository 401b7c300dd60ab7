import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Libsql from 'libsql';
import { type DataSource, type EntityManager, LessThan } from 'typeorm';
import { databaseErrorKind, isDuplicate, isMissingTable } from './database-errors.js';
import { dialectOf } from './dialect.js';
import { Lock } from './lock.entity.js';

/** An instance that waits for longer than this fails to start. */
const MAX_WAIT_MS = 120_000;
const POLL_MS = 100;
/** A lock that is not renewed for this long has lost its holder. */
const LEASE_S = 10;
const RENEWAL_MS = 2_500;

type Release = () => void | Promise<void>;

interface HeldLock {
  release: Release;
  /** Rejects if the lock is lost before it is released. */
  lost: Promise<never>;
}

/**
 * Runs `work` in one instance at a time; the others wait. The lock of a killed instance is free again at once on the
 * embedded database, and after 10 s on a server.
 */
export async function withLock<T>(dataSource: DataSource, dataDir: string, work: () => Promise<T>): Promise<T> {
  const { release, lost } = await (dialectOf(dataSource) === 'sqlite' ? lockFile(dataDir) : lockRow(dataSource));
  try {
    return await Promise.race([work(), lost]);
  } finally {
    await release();
  }
}

/** Excludes other transactions that lock the same name, until this one ends. */
export async function lockInTransaction(
  manager: EntityManager,
  name: 'admins' | 'history_sequence' | 'search_index',
): Promise<void> {
  await manager.query('UPDATE mutexes SET turn = turn + 1 WHERE name = ?', [name]);
}

/** True for one caller of all instances per value: for the one that raises the counter to it. */
export async function claimOnce(manager: EntityManager, name: 'photo_sweep', value: number): Promise<boolean> {
  const { affected } = await manager.update(Lock, { name, counter: LessThan(value) }, { counter: value });
  return affected === 1;
}

/** SQLite's own lock, on an empty file: the embedded database belongs to one machine. */
async function lockFile(dataDir: string): Promise<HeldLock> {
  const file = new Libsql(join(dataDir, 'start.lock'));
  await poll(() => {
    try {
      file.exec('BEGIN EXCLUSIVE');
      return true;
    } catch (error) {
      // not by busy_timeout, which would block the event loop
      if (databaseErrorKind(error) === 'conflict') return false;
      throw error;
    }
  });
  const release = (): void => {
    file.exec('ROLLBACK');
    file.close();
  };
  return { release, lost: new Promise(() => undefined) };
}

const NAME = 'start';
/** Created by the first holder, as it has to exist before any migration runs. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS locks (
  name varchar(32) NOT NULL PRIMARY KEY,
  holder varchar(36) NOT NULL,
  expires_at datetime(3) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = ascii`;
const FREE_EXPIRED = 'DELETE FROM locks WHERE name = ? AND expires_at <= UTC_TIMESTAMP(3)';
const CLAIM = `INSERT INTO locks (name, holder, expires_at) VALUES (?, ?, UTC_TIMESTAMP(3) + INTERVAL ${LEASE_S} SECOND)`;
const RENEW = `UPDATE locks SET expires_at = UTC_TIMESTAMP(3) + INTERVAL ${LEASE_S} SECOND WHERE name = ? AND holder = ?`;
const RELEASE = 'DELETE FROM locks WHERE name = ? AND holder = ?';

/**
 * A row with a lease, whose times are the database's. `GET_LOCK` would not do: on Galera each node has its own, while of
 * two nodes that insert the same row one is refused.
 */
async function lockRow(dataSource: DataSource): Promise<HeldLock> {
  const holder = randomUUID();
  await poll(() => claim(dataSource, holder));
  const released = new AbortController();
  const lost = renew(dataSource, holder, released.signal);
  // reported by withLock, unless its work has failed before
  lost.catch(() => undefined);
  const release = async (): Promise<void> => {
    released.abort();
    await dataSource.query(RELEASE, [NAME, holder]);
  };
  return { release, lost };
}

async function claim(dataSource: DataSource, holder: string): Promise<boolean> {
  try {
    await dataSource.query(FREE_EXPIRED, [NAME]);
    await dataSource.query(CLAIM, [NAME, holder]);
    return true;
  } catch (error) {
    if (isMissingTable(error)) await dataSource.query(CREATE_TABLE);
    // a conflict: another node of a cluster was first
    else if (!isDuplicate(error) && databaseErrorKind(error) !== 'conflict') throw error;
    return false;
  }
}

/** Ends only with a lost lock: rejects then. A failed renewal is tried again while the lease lasts. */
async function renew(dataSource: DataSource, holder: string, released: AbortSignal): Promise<never> {
  let leaseEnd = Date.now() + LEASE_S * 1000;
  for (;;) {
    await sleep(RENEWAL_MS, undefined, { ref: false });
    if (released.aborted) return new Promise(() => undefined);
    const renewal = dataSource.query<{ affectedRows: number }>(RENEW, [NAME, holder]);
    const isRenewed = await renewal.then(({ affectedRows }) => affectedRows === 1).catch(() => undefined);
    if (isRenewed) leaseEnd = Date.now() + LEASE_S * 1000;
    else if (!released.aborted && (isRenewed === false || Date.now() > leaseEnd))
      throw new Error('Lost the lock of starting instances: the database did not answer for longer than its lease');
  }
}

async function poll(attempt: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS;
  while (!(await attempt())) {
    if (Date.now() > deadline) throw new Error(`Another instance has been starting for more than ${MAX_WAIT_MS} ms`);
    await sleep(POLL_MS);
  }
}
