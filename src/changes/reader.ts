import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { prefers } from '../http/accept.js';
import { Problem } from '../problems/problem.js';

/** Who reads the feed, and how. */
export interface Reader {
  userId: number;
  /** For the URLs of photos. */
  origin: string;
  isHead: boolean;
  prefersEvents: boolean;
  lastEventId?: string;
  /** Returns a signal that is aborted when the client disconnects. */
  watchConnection: () => AbortSignal;
  confirmAccess: () => Promise<void>;
  confirmToken: () => Promise<void>;
}

/** Handler parameter */
export const ChangesReader = createParamDecorator((_: unknown, execution: ExecutionContext): Reader => {
  const http = execution.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const { caller, confirmAccess, confirmToken, headers } = request;
  if (!caller || !confirmAccess || !confirmToken) throw new Problem('unauthenticated');
  return {
    userId: caller.userId,
    origin: request.publicOrigin,
    isHead: request.method === 'HEAD',
    prefersEvents: prefers('text/event-stream', headers.accept),
    lastEventId: headers['last-event-id']?.toString(),
    watchConnection: () => {
      const disconnected = new AbortController();
      http.getResponse<FastifyReply>().raw.once('close', () => disconnected.abort());
      return disconnected.signal;
    },
    confirmAccess,
    confirmToken,
  };
});
