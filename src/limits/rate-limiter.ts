import { RateLimiterRes } from 'rate-limiter-flexible';
import RateLimiterStoreAbstract from 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js';
import { fromSqlTime, toSqlTime } from '../database/dialect.js';
import type { RateLimits } from './rate-limits.js';

interface Count {
  points: number;
  expiresAt: Date | string;
}

const FOREVER = '9999-12-31 00:00:00.000';
const SELECT = 'SELECT points, expires_at AS expiresAt FROM rate_limits WHERE name = ?';

/**
 * `rate-limiter-flexible` on the service's own connection. Its own stores need a raw pool, which on the embedded
 * database bypasses the queue that separates transactions, and they create their table themselves.
 */
export class RateLimiter extends RateLimiterStoreAbstract {
  constructor(
    keyPrefix: string,
    { points, durationS }: { points: number; durationS: number },
    private readonly limits: RateLimits,
  ) {
    super({ storeClient: limits, keyPrefix, points, duration: durationS });
  }

  /** Counts in one statement, so that concurrent requests are all counted. */
  protected async _upsert(name: string, points: number, durationMs: number, isReplaced: boolean): Promise<Count> {
    const { sql, clock, onDuplicate } = this.limits;
    const now = clock.now();
    const end = toSqlTime(new Date(now.getTime() + durationMs));
    // Points that are given back after the counter has expired must not leave a credit.
    const initial = Math.max(points, 0);
    // A replaced counter is treated as expired.
    const expired = isReplaced ? FOREVER : toSqlTime(now);
    // The order matters: on MySQL an assignment sees the values of the assignments before it.
    const upsert = `
      INSERT INTO rate_limits (name, points, expires_at) VALUES (?, ?, ?) ${onDuplicate}
        points = CASE WHEN expires_at <= ? THEN ? ELSE points + ? END,
        expires_at = CASE WHEN expires_at <= ? THEN ? ELSE expires_at END`;
    await sql.query(upsert, [name, initial, end, expired, initial, points, expired, end]);
    return (await this._get(name)) ?? { points, expiresAt: end };
  }

  protected async _get(name: string): Promise<Count | null> {
    const { sql, clock } = this.limits;
    const [count] = await sql.query<Count>(`${SELECT} AND expires_at > ?`, [name, toSqlTime(clock.now())]);
    return count ?? null;
  }

  protected async _delete(name: string): Promise<boolean> {
    await this.limits.sql.query('DELETE FROM rate_limits WHERE name = ?', [name]);
    return true;
  }

  protected _getRateLimiterRes(_name: string, changed: number, { points, expiresAt }: Count): RateLimiterRes {
    const end = typeof expiresAt === 'string' ? fromSqlTime(expiresAt) : expiresAt;
    const leftMs = Math.max(end.getTime() - this.limits.clock.now().getTime(), 0);
    return new RateLimiterRes(Math.max(this.points - points, 0), leftMs, points, points === changed);
  }
}
