import { Injectable } from '@nestjs/common';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { Clock } from '../config/clock.js';
import { Secrets } from '../config/secrets.js';
import { networkOf } from '../http/forwarded.js';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { RateLimits } from '../limits/rate-limits.js';
import { Problem } from '../problems/problem.js';

const WINDOW_S = 15 * 60;
/** Wrong passwords from one address for one account: free attempts, then a pause that doubles with each failure. */
const FREE_FAILURES_PER_PAIR = 5;
const MAX_PAUSE_S = 60;
/** Wrong passwords for one account from any address: free attempts, then a delay that doubles with each failure. */
const FREE_FAILURES_PER_ACCOUNT = 10;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 2_000;
/** Delayed attempts for one account; further ones are refused. */
const MAX_DELAYED = 4;
/** Wrong passwords from one address for all accounts together. Many users may share the address. */
const MAX_FAILURES_PER_ADDRESS = 50;
/** Addresses that signed in before skip the account-wide limit, so that an attack does not slow down the owner. */
const TRUSTED_S = 30 * 24 * 60 * 60;
/** Concurrent checks for one account, so that parallel guesses are counted like sequential ones. */
const CONCURRENCY = 3;
const MAX_QUEUED = 64;
/**
 * Concurrent checks for one address, each of which counts as a failure until it has passed: users who sign in at the
 * same time must not exhaust the limit of their address.
 */
const CONCURRENCY_PER_ADDRESS = 8;
const MAX_QUEUED_PER_ADDRESS = 256;

interface Keys {
  account: string;
  address: string;
  pair: string;
}

/** The account whose password is checked: by e-mail at sign-in, by id in a session. */
type Account = { email: string } | { userId: number };

/**
 * Slows down password guessing (OWASP Authentication Cheat Sheet, "Login Throttling"; NIST SP 800-63B, 3.2.2). It never
 * locks an account: during an attack, unknown addresses wait for seconds, and addresses that signed in before do not
 * wait. Successful attempts are not counted.
 */
@Injectable()
export class SignInLimits {
  private readonly byPair: RateLimiter;
  private readonly pauses: RateLimiter;
  private readonly byAccount: RateLimiter;
  private readonly byAddress: RateLimiter;
  private readonly trusted: RateLimiter;
  private readonly limiters = new Map<string, ConcurrencyLimiter>();

  constructor(
    private readonly secrets: Secrets,
    private readonly clock: Clock,
    limits: RateLimits,
  ) {
    const limiter = (name: string, points: number, durationS = WINDOW_S): RateLimiter =>
      new RateLimiter(name, { points, durationS }, limits);
    this.byPair = limiter('pair', FREE_FAILURES_PER_PAIR);
    this.pauses = limiter('pause', 1, MAX_PAUSE_S);
    this.byAccount = limiter('account', FREE_FAILURES_PER_ACCOUNT);
    this.byAddress = limiter('address', MAX_FAILURES_PER_ADDRESS);
    this.trusted = limiter('trusted', 1, TRUSTED_S);
  }

  /** Runs one password check, which returns null for a wrong password. Throws `too_many_requests`. */
  async attempt<T>(account: Account, ipAddress: string, check: () => Promise<T | null>): Promise<T | null> {
    const keys = this.keysOf(account, networkOf(ipAddress));
    const isTrusted = (await this.trusted.get(keys.pair)) !== null;
    return this.runLimited(isTrusted ? keys.pair : keys.account, limiterOfAccount, async (limiter) => {
      await this.refuseDuringPause(keys.pair);
      if (!isTrusted) await this.delay(keys, limiter);
      const result = isTrusted ? await check() : await this.checkReserved(keys.address, check);
      if (result === null) {
        const account = isTrusted ? undefined : this.byAccount.penalty(keys.account);
        await Promise.all([this.byPair.penalty(keys.pair), account]);
      } else {
        const forgotten = [this.byPair.delete(keys.pair), this.pauses.delete(keys.pair)];
        await Promise.all([this.trusted.set(keys.pair, 1, TRUSTED_S), ...forgotten]);
      }
      return result;
    });
  }

  /** Counts the check as a failure of the address before it runs, so that concurrent ones cannot exceed the limit. */
  private checkReserved<T>(address: string, check: () => Promise<T | null>): Promise<T | null> {
    return this.runLimited(address, limiterOfAddress, async () => {
      let hasFailed = false;
      try {
        await this.byAddress.consume(address).catch(refuse);
        const result = await check();
        hasFailed = result === null;
        return result;
      } finally {
        if (!hasFailed) await this.byAddress.reward(address);
      }
    });
  }

  private async runLimited<T>(
    key: string,
    create: () => ConcurrencyLimiter,
    work: (limiter: ConcurrencyLimiter) => Promise<T>,
  ): Promise<T> {
    const limiter = this.limiters.get(key) ?? create();
    this.limiters.set(key, limiter);
    try {
      return await limiter.run(() => work(limiter));
    } finally {
      if (limiter.isIdle) this.limiters.delete(key);
    }
  }

  /** Allows one attempt, then none for 2, 4, 8, … seconds. */
  private async refuseDuringPause(pair: string): Promise<void> {
    const over = await countExcess(this.byPair, pair);
    if (over < 0) return;
    const customDuration = Math.min(2 ** (over + 1), MAX_PAUSE_S);
    await this.pauses.consume(pair, 1, { customDuration }).catch(refuse);
  }

  private async delay(keys: { account: string; address: string }, limiter: ConcurrencyLimiter): Promise<void> {
    const fromAddress = await this.byAddress.get(keys.address);
    if (fromAddress && fromAddress.remainingPoints === 0) throw tooMany(fromAddress.msBeforeNext);
    const over = await countExcess(this.byAccount, keys.account);
    if (over < 0) return;
    if (limiter.queued > MAX_DELAYED) throw tooMany(MAX_DELAY_MS);
    await this.clock.wait(Math.min(FIRST_DELAY_MS * 2 ** over, MAX_DELAY_MS));
  }

  /**
   * Keyed hashes, so that the table does not reveal who tried to sign in. The kind is signed as a field of its own: no
   * e-mail spells the key of a user id or of an address.
   */
  private keysOf(account: Account, network: string): Keys {
    const [kind, value] = 'email' in account ? ['email', account.email] : ['user', String(account.userId)];
    const hash = (kind: string, ...values: string[]): string =>
      this.secrets.sign('rate-limit', kind, values).toString('base64url');
    return {
      account: hash(kind, value),
      address: hash('address', network),
      pair: hash(`${kind} and address`, value, network),
    };
  }
}

const limiterOfAccount = (): ConcurrencyLimiter => new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);
const limiterOfAddress = (): ConcurrencyLimiter =>
  new ConcurrencyLimiter(CONCURRENCY_PER_ADDRESS, MAX_QUEUED_PER_ADDRESS);

/** The limiter rejects with its result when no points are left. */
export function refuse(refusal: unknown): never {
  throw refusal instanceof RateLimiterRes ? tooMany(refusal.msBeforeNext) : refusal;
}

const tooMany = (waitMs: number): Problem =>
  new Problem('too_many_requests', undefined, { retryAfter: Math.max(1, Math.ceil(waitMs / 1000)) });

/** Failures beyond the free ones; negative while free ones are left. */
async function countExcess(limiter: RateLimiter, key: string): Promise<number> {
  return ((await limiter.get(key))?.consumedPoints ?? 0) - limiter.points;
}
