import { Injectable } from '@nestjs/common';
import { Secrets } from '../../config/secrets.js';
import { networkOf } from '../../http/forwarded.js';
import { ConcurrencyLimiter } from '../../limits/concurrency-limiter.js';
import { RateLimiter } from '../../limits/rate-limiter.js';
import { RateLimits } from '../../limits/rate-limits.js';
import { Problem } from '../../problems/problem.js';
import { PROVIDERS } from '../../users/identity.entity.js';
import { refuse } from '../sign-in-limits.js';

/**
 * Requests to one provider in progress. Further ones are refused instead of queued: a provider that hangs would keep
 * each of them waiting for its timeout.
 */
const CONCURRENCY = 40;
/** Callbacks with a code that the provider refuses, from one address. Many users may share the address. */
const MAX_FAILURES = 50;
const WINDOW_S = 15 * 60;

/** Limits how many requests to a provider, and rows of used states, strangers can cause. */
@Injectable()
export class ProviderLimits {
  private readonly byProvider = new Map<string, ConcurrencyLimiter>(
    PROVIDERS.map((name) => [name, new ConcurrencyLimiter(CONCURRENCY, 0)]),
  );
  private readonly failures: RateLimiter;

  constructor(
    private readonly secrets: Secrets,
    limits: RateLimits,
  ) {
    this.failures = new RateLimiter('callback', { points: MAX_FAILURES, durationS: WINDOW_S }, limits);
  }

  /** Runs work that may send requests to the provider. Throws `overloaded`. */
  run<T>(provider: string, work: () => Promise<T>): Promise<T> {
    // for an unknown provider, the work ends with `not_found`
    return this.byProvider.get(provider)?.run(work) ?? work();
  }

  /**
   * Runs a callback with a valid state. It counts as a failure until it has succeeded, so that concurrent ones cannot
   * exceed the limit. Throws `overloaded` or `too_many_requests`.
   */
  runCallback<T>(provider: string, ipAddress: string, work: () => Promise<T>): Promise<T> {
    const key = this.secrets.sign('rate-limit', 'callback', [networkOf(ipAddress)]).toString('base64url');
    return this.run(provider, async () => {
      let hasFailed = false;
      try {
        await this.failures.consume(key).catch(refuse);
        return await work();
      } catch (error) {
        // outages of the provider and of the database are not the client's fault
        hasFailed = error instanceof Problem && error.code === 'provider_login_failed';
        throw error;
      } finally {
        if (!hasFailed) await this.failures.reward(key);
      }
    });
  }
}
