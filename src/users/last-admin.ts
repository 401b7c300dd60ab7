import type { EntityManager } from 'typeorm';
import { forUpdate } from '../database/dialect.js';
import { lockInTransaction } from '../database/locks.js';
import { Problem } from '../problems/problem.js';
import type { User } from './user.entity.js';

/** Whether the user has a password to sign in with, or a linked account. An invited user has neither yet. */
export const canSignIn = ({ email, passwordHash, linkedProviders }: User): boolean =>
  Boolean((email && passwordHash) || linkedProviders);

/** The same in SQL. */
const CAN_SIGN_IN = `((email <> '' AND password_hash <> '') OR linked_providers <> '')`;

/**
 * Throws `last_admin` if there is no other active admin who can sign in. Two admins who demote each other change
 * different rows, so no lock on either row serializes them; the lock on `admins` does.
 */
export async function refuseLastAdmin(manager: EntityManager, id: number): Promise<void> {
  await lockInTransaction(manager, 'admins');
  const lock = forUpdate(manager.dataSource);
  const sql = `SELECT id FROM users WHERE admin = 1 AND is_deleted = 0 AND id <> ? AND ${CAN_SIGN_IN} LIMIT 1${lock}`;
  const others = await manager.query<unknown[]>(sql, [id]);
  if (others.length === 0) throw new Problem('last_admin');
}
