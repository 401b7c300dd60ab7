import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { Clock } from '../config/clock.js';
import { Secrets } from '../config/secrets.js';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { RateLimits } from '../limits/rate-limits.js';
import { Problem } from '../problems/problem.js';

const WINDOW_S = 15 * 60;
/** Wrong passwords from one address for one account: so many for free, then a pause that doubles with each. */
const FREE_FAILURES_PER_PAIR = 5;
const MAX_PAUSE_S = 60;
/** For one account from anywhere: so many for free, then a delay that doubles with each. */
const FREE_FAILURES_PER_ACCOUNT = 10;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 2_000;
/** No more than these are kept waiting so for one account. */
const MAX_DELAYED = 4;
/** From one address for all accounts together; many people may share it. */
const MAX_FAILURES_PER_ADDRESS = 50;
/** Where somebody has signed in, they do not suffer from what strangers try elsewhere. */
const TRUSTED_S = 30 * 24 * 60 * 60;
/** Passwords for one account are checked a few at a time, so that many at once are counted like many in turn. */
const CONCURRENCY = 3;
const MAX_QUEUED = 64;

/**
 * Slows down those who guess passwords (OWASP Authentication Cheat Sheet, "Login Throttling"; NIST SP 800-63B, 3.2.2).
 * Nobody is locked out: an attack on an account delays strangers by seconds, and does not touch its owner where they
 * have signed in before. What is right is never counted.
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

  /** Lets one check of a password through, whose result is null if it was wrong. Throws too_many_requests. */
  async attempt<T>(account: string, ipAddress: string, check: () => Promise<T | null>): Promise<T | null> {
    const network = networkOf(ipAddress);
    const keys = { account: this.key(account), address: this.key(network), pair: this.key(`${account}\n${network}`) };
    const isTrusted = (await this.trusted.get(keys.pair)) !== null;
    return this.inTurn(isTrusted ? keys.pair : keys.account, async (limiter) => {
      await this.pause(keys.pair);
      if (!isTrusted) await this.slowDown(keys, limiter);
      const result = await check();
      if (result === null) {
        const limiters = isTrusted ? [] : [this.byAddress.penalty(keys.address), this.byAccount.penalty(keys.account)];
        await Promise.all([this.byPair.penalty(keys.pair), ...limiters]);
      } else {
        const forgotten = [this.byPair.delete(keys.pair), this.pauses.delete(keys.pair)];
        await Promise.all([this.trusted.set(keys.pair, 1, TRUSTED_S), ...forgotten]);
      }
      return result;
    });
  }

  private async inTurn<T>(key: string, work: (limiter: ConcurrencyLimiter) => Promise<T>): Promise<T> {
    const limiter = this.limiters.get(key) ?? new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);
    this.limiters.set(key, limiter);
    try {
      return await limiter.run(() => work(limiter));
    } finally {
      if (limiter.isIdle) this.limiters.delete(key);
    }
  }

  /** Lets one attempt through, and then none for 2, 4, 8, … seconds. */
  private async pause(pair: string): Promise<void> {
    const over = await failuresOver(this.byPair, pair);
    if (over < 0) return;
    const customDuration = Math.min(2 ** (over + 1), MAX_PAUSE_S);
    await this.pauses.consume(pair, 1, { customDuration }).catch((refusal: unknown) => {
      throw refusal instanceof RateLimiterRes ? tooMany(refusal.msBeforeNext) : refusal;
    });
  }

  private async slowDown(keys: { account: string; address: string }, limiter: ConcurrencyLimiter): Promise<void> {
    const fromAddress = await this.byAddress.get(keys.address);
    if (fromAddress && fromAddress.remainingPoints === 0) throw tooMany(fromAddress.msBeforeNext);
    const over = await failuresOver(this.byAccount, keys.account);
    if (over < 0) return;
    if (limiter.queued > MAX_DELAYED) throw tooMany(MAX_DELAY_MS);
    await this.clock.wait(Math.min(FIRST_DELAY_MS * 2 ** over, MAX_DELAY_MS));
  }

  /** Keyed: the table does not tell who tried to sign in. */
  private key(text: string): string {
    return this.secrets.sign('rate-limit', text).toString('base64url');
  }
}

/** Whoever has one IPv6 address has 2^64 of them (RFC 6177): what counts is the network. */
export function networkOf(ipAddress: string): string {
  if (!ipaddr.isValid(ipAddress)) return ipAddress;
  const address = ipaddr.process(ipAddress);
  return address.kind() === 'ipv4' ? address.toString() : (address as ipaddr.IPv6).parts.slice(0, 4).join(':');
}

const tooMany = (waitMs: number): Problem =>
  new Problem('too_many_requests', undefined, { retryAfter: Math.max(1, Math.ceil(waitMs / 1000)) });

/** Negative while there are free ones left. */
async function failuresOver(limiter: RateLimiter, key: string): Promise<number> {
  return ((await limiter.get(key))?.consumedPoints ?? 0) - limiter.points;
}
