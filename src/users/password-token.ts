import { createHash, randomBytes } from 'node:crypto';
import type { PasswordTokenDto } from './user.dto.js';
import type { User } from './user.entity.js';

const HOUR_MS = 60 * 60 * 1000;
/** An invitation may have to wait for the user's first day; a reset is used soon. */
export const INVITATION_MS = 7 * 24 * HOUR_MS;
export const RESET_MS = 24 * HOUR_MS;

/** A fast hash is enough: 256 random bits cannot be guessed. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Ends an invitation or a reset that has not been redeemed. */
export const NO_PASSWORD_TOKEN = { passwordTokenHash: null, passwordTokenExpiresAt: null };

/** Whether the user can still redeem this token. */
export const isRedeemable = (user: User, token: string, now: Date): boolean =>
  user.passwordTokenHash === hashToken(token) && user.passwordTokenExpiresAt! > now;

/** The token itself is only in `dto`, for the single response that contains it. */
export function createPasswordToken(
  now: Date,
  lifetimeMs: number,
): { dto: PasswordTokenDto; hash: string; expiresAt: Date } {
  const token = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  return { dto: { token, expiresAt: expiresAt.toISOString() }, hash: hashToken(token), expiresAt };
}
