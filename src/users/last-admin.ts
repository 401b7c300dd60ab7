import type { EntityManager } from 'typeorm';
import { forUpdate } from '../database/dialect.js';
import { lockInTransaction } from '../database/locks.js';
import { Problem } from '../problems/problem.js';

/**
 * Throws `last_admin` if there is no other active admin. Two admins who demote each other change different rows, so no
 * lock on either row serializes them; the lock on `admins` does.
 */
export async function refuseLastAdmin(manager: EntityManager, id: number): Promise<void> {
  await lockInTransaction(manager, 'admins');
  const lock = forUpdate(manager.dataSource);
  const sql = `SELECT id FROM users WHERE admin = 1 AND is_deleted = 0 AND id <> ? LIMIT 1${lock}`;
  const others = await manager.query<unknown[]>(sql, [id]);
  if (others.length === 0) throw new Problem('last_admin');
}
