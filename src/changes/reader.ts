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
  /** Aborted when the client disconnects. */
  disconnected: AbortSignal;
  confirmAccess: () => Promise<void>;
  confirmToken: () => Promise<void>;
}

/** Handler parameter */
export const ChangesReader = createParamDecorator((_: unknown, execution: ExecutionContext): Reader => {
  const http = execution.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const { caller, confirmAccess, confirmToken, headers } = request;
  if (!caller || !confirmAccess || !confirmToken) throw new Problem('unauthenticated');
  const disconnected = new AbortController();
  http.getResponse<FastifyReply>().raw.once('close', () => disconnected.abort());
  return {
    userId: caller.userId,
    origin: request.publicOrigin,
    isHead: request.method === 'HEAD',
    prefersEvents: prefers('text/event-stream', headers.accept),
    lastEventId: headers['last-event-id']?.toString(),
    disconnected: disconnected.signal,
    confirmAccess,
    confirmToken,
  };
});
