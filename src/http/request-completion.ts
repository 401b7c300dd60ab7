import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** nginx's status for a client that has gone before there was an answer; nobody gets to see it but us. */
const CLIENT_CLOSED_REQUEST = 499;

export interface CompletedRequest {
  request: FastifyRequest;
  reply: FastifyReply;
  status: number;
  /** The pattern; undefined if there is no such route. */
  route?: string;
  seconds: number;
  /** Whether the client has gone before it had the whole answer. */
  isAborted: boolean;
}

export type CompletionListener = (ended: CompletedRequest) => void;

/**
 * Tells of every request when its answer is sent or its client has gone. On the response itself, as Fastify's own hook is
 * passed over by what the router refuses, and by clients that go.
 */
export function notifyOnCompletion(
  request: FastifyRequest,
  reply: FastifyReply,
  listeners: CompletionListener[],
): void {
  const start = performance.now();
  reply.raw.once('close', () => {
    const status = reply.raw.headersSent ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST;
    const seconds = (performance.now() - start) / 1000;
    const isAborted = !reply.raw.writableFinished;
    const ended = { request, reply, status, route: request.routeOptions.url, seconds, isAborted };
    for (const listener of listeners) listener(ended);
  });
}

/** Comes before all other hooks, which may answer. */
export function addCompletionListeners(fastify: FastifyInstance, listeners: CompletionListener[]): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    notifyOnCompletion(request, reply, listeners);
    done();
  });
}
