import { Injectable, Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';
import { sendProblem } from '../problems/send-problem.js';
import { addressOf, networkOf } from './forwarded.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False for routes that mostly wait (long polls, streams) and for health checks: not counted and never shed. */
    countsAsLoad?: boolean;
    /** For routes that mostly wait and that anybody can make wait: not counted as load, but up to a limit of their own. */
    waitsFor?: WaitReason;
  }
  interface FastifyRequest {
    countedAs?: 'load' | WaitReason;
    /** Reason and network of a request that waits. */
    waiter?: string;
  }
}

/** A deliberate delay after wrong passwords, or the response of Google or Facebook. */
type WaitReason = 'sign-in delay' | 'provider';

/**
 * More requests in progress than this only make each other slower. The limit is above the queue lengths for password
 * hashes and uploads: filling those queues must not shed other requests.
 */
const SOFT_LIMIT = 200;
/** Maximum number of requests in progress, even in a burst. */
const HARD_LIMIT = 1_000;
/**
 * Maximum number of requests in progress that wait for one reason; further ones are refused. It bounds their memory, and
 * the database queries and password hashes that they start when the wait ends. A wait takes seconds, so this is about
 * 200 sign-ins a second.
 */
const MAX_WAITING = 500;
/**
 * Of them, from one address, so that a client leaves room for others. Many users may share the address and sign in at the
 * same time. `ProviderLimits` admits 40 requests to a provider.
 */
const MAX_WAITING_PER_ADDRESS: Record<WaitReason, number> = { 'sign-in delay': 250, provider: 10 };
/** Longer above the soft limit than this is not a burst: requests arrive faster than the service can handle them. */
const BURST_MS = 1_000;
/** Shedding ends after this long without a shed request. */
const RECOVERY_MS = 1_000;

/** Shared: capturing a stack trace costs more than the rest of the response. */
const OVERLOADED = new Problem('overloaded');

/**
 * Sheds excess requests early and cheaply, so that response times stay low for the others. The measure is the number of
 * requests in progress, whether they wait for the CPU or the database. Requests that wait for a timer or for another
 * service are no load: each reason to wait has its own count, so that many of them refuse only their own kind.
 */
@Injectable()
export class LoadShedding {
  private readonly logger = new Logger('LoadShedding');
  private readonly counts = { load: 0, 'sign-in delay': 0, provider: 0 };
  private readonly waiters = new Map<string, number>();
  private aboveLimitSince?: number;
  private isOverloaded = false;
  private lastShedAt = 0;
  private entered = 0;

  /** Requests so far that count as load. */
  get requests(): number {
    return this.entered;
  }

  get isShedding(): boolean {
    return this.isOverloaded;
  }

  register(fastify: FastifyInstance): void {
    fastify.decorateRequest('countedAs', undefined);
    fastify.decorateRequest('waiter', undefined);
    // before the body is read, and again afterwards: receiving a slow body is not load
    fastify.addHook('onRequest', (request, reply, done) => {
      if (this.admits(request)) done();
      else this.shed(request, reply);
    });
    fastify.addHook('preValidation', (request, reply, done) => {
      if (this.admits(request)) {
        this.enter(request);
        done();
      } else this.shed(request, reply);
    });
    // rather than after the last byte: sending to a slow client is not load
    fastify.addHook('onSend', (request, _, __, done) => {
      this.leave(request);
      done();
    });
  }

  private admits(request: FastifyRequest): boolean {
    const { countsAsLoad, waitsFor } = request.routeOptions.config;
    if (countsAsLoad === false) return true;
    if (waitsFor) {
      request.waiter ??= `${waitsFor} ${networkOf(addressOf(request))}`;
      const ofAddress = this.waiters.get(request.waiter) ?? 0;
      if (this.counts[waitsFor] >= MAX_WAITING || ofAddress >= MAX_WAITING_PER_ADDRESS[waitsFor]) return false;
    }
    return this.counts.load < SOFT_LIMIT || this.admitsAboveLimit();
  }

  private admitsAboveLimit(): boolean {
    const now = performance.now();
    if (this.isOverloaded && now - this.lastShedAt > RECOVERY_MS) this.recover();
    this.aboveLimitSince ??= now;
    if (!this.isOverloaded && now - this.aboveLimitSince > BURST_MS) {
      this.isOverloaded = true;
      this.logger.warn('Overloaded: shedding requests');
    }
    if (!this.isOverloaded && this.counts.load < HARD_LIMIT) return true;
    this.lastShedAt = now;
    return false;
  }

  private shed(request: FastifyRequest, reply: FastifyReply): void {
    sendProblem(OVERLOADED, request, reply);
  }

  private recover(): void {
    this.isOverloaded = false;
    this.aboveLimitSince = undefined;
  }

  private enter(request: FastifyRequest): void {
    const { countsAsLoad, waitsFor } = request.routeOptions.config;
    if (countsAsLoad === false) return;
    request.countedAs = waitsFor ?? 'load';
    this.entered++;
    this.counts[request.countedAs]++;
    if (request.waiter) this.waiters.set(request.waiter, (this.waiters.get(request.waiter) ?? 0) + 1);
  }

  private leave(request: FastifyRequest): void {
    if (!request.countedAs) return;
    this.counts[request.countedAs]--;
    request.countedAs = undefined;
    if (request.waiter) {
      const left = this.waiters.get(request.waiter)! - 1;
      if (left > 0) this.waiters.set(request.waiter, left);
      else this.waiters.delete(request.waiter);
    }
    if (this.counts.load < SOFT_LIMIT) this.aboveLimitSince = undefined;
  }
}
