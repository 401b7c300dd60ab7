import { Injectable, Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';
import { sendProblem } from '../problems/send-problem.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False for routes that wait rather than work (long polls, streams) and for health checks: never shed, not counted. */
    countsAsLoad?: boolean;
  }
  interface FastifyRequest {
    isCountedAsLoad: boolean;
  }
}

/**
 * With more requests than this in progress, each only waits longer for the others. It is above what may queue for a
 * password hash or an upload: filling those queues must not shut out other requests.
 */
const SOFT_LIMIT = 200;
/** More requests than these are never admitted, not even in a burst. */
const HARD_LIMIT = 1_000;
/** Above the soft limit for longer than this is no burst: requests arrive faster than they can be served. */
const BURST_MS = 1_000;
/** Without a refusal for this long, shedding ends. */
const RECOVERY_MS = 1_000;

/** Shared: creating an error captures its stack, which costs more than the rest of a refusal. */
const OVERLOADED = new Problem('overloaded');

/**
 * Refuses excess requests at once and cheaply, so that the others are served as fast as ever. It goes by the number of
 * requests in progress, whether they wait for the processor or the database.
 */
@Injectable()
export class LoadShedding {
  private readonly logger = new Logger('LoadShedding');
  private inProgress = 0;
  private crowdedSince?: number;
  private isOverloaded = false;
  private lastRefusal = 0;

  get isShedding(): boolean {
    return this.isOverloaded;
  }

  register(fastify: FastifyInstance): void {
    fastify.decorateRequest('isCountedAsLoad', false);
    // before the body is read, and again once it is there: a slow body is no work, so it does not count
    fastify.addHook('onRequest', (request, reply, done) => {
      if (this.admits(request)) done();
      else this.refuse(request, reply);
    });
    fastify.addHook('preValidation', (request, reply, done) => {
      if (this.admits(request)) {
        this.enter(request);
        done();
      } else this.refuse(request, reply);
    });
    // not when the last byte is sent: a client that reads slowly is no work either
    fastify.addHook('onSend', (request, _, __, done) => {
      this.leave(request);
      done();
    });
  }

  private admits({ routeOptions }: FastifyRequest): boolean {
    if (this.inProgress < SOFT_LIMIT || routeOptions.config.countsAsLoad === false) return true;
    const now = performance.now();
    if (this.isOverloaded && now - this.lastRefusal > RECOVERY_MS) this.recover();
    this.crowdedSince ??= now;
    if (!this.isOverloaded && now - this.crowdedSince > BURST_MS) {
      this.isOverloaded = true;
      this.logger.warn('Overloaded: shedding requests');
    }
    if (!this.isOverloaded && this.inProgress < HARD_LIMIT) return true;
    this.lastRefusal = now;
    return false;
  }

  private refuse(request: FastifyRequest, reply: FastifyReply): void {
    sendProblem(OVERLOADED, request, reply);
  }

  private recover(): void {
    this.isOverloaded = false;
    this.crowdedSince = undefined;
  }

  private enter(request: FastifyRequest): void {
    if (request.routeOptions.config.countsAsLoad === false) return;
    request.isCountedAsLoad = true;
    this.inProgress++;
  }

  private leave(request: FastifyRequest): void {
    if (!request.isCountedAsLoad) return;
    request.isCountedAsLoad = false;
    if (--this.inProgress < SOFT_LIMIT) this.crowdedSince = undefined;
  }
}
