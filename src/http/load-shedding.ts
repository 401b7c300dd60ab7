import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problems/catalog.js';
import { ProblemFilter } from '../problems/problem.filter.js';

declare module 'fastify' {
  interface FastifyRequest {
    isUnderWay: boolean;
  }
}

/**
 * With more requests than this under way each only waits longer for the others. Above what may wait for a password or
 * an upload, which are queues of their own: filling those must not shut out everybody else.
 */
const SOFT_LIMIT = 200;
/** More than these are never let in: the most that a burst may have. */
const HARD_LIMIT = 1_000;
/** A crowd that is gone again by then was a burst; one that is not comes faster than it can be served. */
const BURST_MS = 1_000;
/** Nothing had to be refused for so long: back to normal. */
const RECOVERY_MS = 1_000;

/** One for all: making an error notes its stack, which costs more than the rest of a refusal. */
const OVERLOADED = new Problem('overloaded');

/** What tells whether the service lives has to be answered above all when it is overloaded. */
const NEVER_REFUSED = new Set<string | undefined>(['/livez', '/readyz']);

/**
 * Refuses what is too much, at once and with little work, so that the rest is served as fast as ever. Goes by how many
 * requests are under way, whatever it is that they wait for, processor or database, and however long their work takes.
 */
@Injectable()
export class LoadShedding implements OnModuleInit {
  private readonly logger = new Logger('LoadShedding');
  private readonly problems = new ProblemFilter();
  private underWay = 0;
  private crowdedSince?: number;
  private isShedding = false;
  private refusedLast = 0;
  private refusedCount = 0;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** How many requests have been refused since the start. */
  get refused(): number {
    return this.refusedCount;
  }

  onModuleInit(): void {
    const fastify = this.adapterHost.httpAdapter.getInstance<FastifyInstance>();
    fastify.decorateRequest('isUnderWay', false);
    // before the body is read, and again when it is there: slow bodies do not count, as they are no work
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
    // not when the last byte has gone: a client that reads slowly, or an export, is no work either
    fastify.addHook('onSend', (request, _, __, done) => {
      this.leave(request);
      done();
    });
  }

  private admits(request: FastifyRequest): boolean {
    if (this.underWay < SOFT_LIMIT || NEVER_REFUSED.has(request.routeOptions.url)) return true;
    const now = performance.now();
    if (this.isShedding && now - this.refusedLast > RECOVERY_MS) this.recover();
    this.crowdedSince ??= now;
    if (!this.isShedding && now - this.crowdedSince > BURST_MS) {
      this.isShedding = true;
      this.logger.warn('More requests than can be served: refusing some');
    }
    if (!this.isShedding && this.underWay < HARD_LIMIT) return true;
    this.refusedLast = now;
    return false;
  }

  private refuse(request: FastifyRequest, reply: FastifyReply): void {
    this.refusedCount++;
    this.problems.answer(OVERLOADED, request, reply);
  }

  private recover(): void {
    this.isShedding = false;
    this.crowdedSince = undefined;
  }

  private enter(request: FastifyRequest): void {
    request.isUnderWay = true;
    this.underWay++;
  }

  private leave(request: FastifyRequest): void {
    if (!request.isUnderWay) return;
    request.isUnderWay = false;
    if (--this.underWay < SOFT_LIMIT) this.crowdedSince = undefined;
  }
}
