import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** nginx's status for a client that disconnected before the response; only the log and the metrics show it. */
const CLIENT_CLOSED_REQUEST = 499;

export interface CompletedRequest {
  request: FastifyRequest;
  reply: FastifyReply;
  status: number;
  /** The route pattern; undefined if no route matches. */
  route?: string;
  seconds: number;
  /** Whether the client disconnected before it received the whole response. */
  isAborted: boolean;
}

export type CompletionListener = (completed: CompletedRequest) => void;

/**
 * A property, not a WeakMap: when objects of the young generation are collected, V8 keeps the values of an old WeakMap.
 * Where a value refers to its key, as a reply does to its response, all objects of every request would grow old.
 */
const REPLY = Symbol('reply');

type ServedResponse = ServerResponse & { [REPLY]?: FastifyReply };

/** The reply that a response belongs to, for errors that Node reports without Fastify. */
export const replyOf = (response: ServedResponse): FastifyReply | undefined => response[REPLY];

/**
 * Calls the listeners once the response is sent or the client has disconnected. Listens on the raw response, as Fastify's
 * `onResponse` hook runs neither for requests that the router refuses nor for clients that disconnect.
 */
export function notifyOnCompletion(
  request: FastifyRequest,
  reply: FastifyReply,
  listeners: CompletionListener[],
): void {
  const response: ServedResponse = reply.raw;
  response[REPLY] = reply;
  const start = performance.now();
  const { socket } = request.raw;
  let isCompleted = false;
  const complete = (): void => {
    if (isCompleted) return;
    isCompleted = true;
    socket.off('close', complete);
    const status = reply.raw.headersSent ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST;
    const seconds = (performance.now() - start) / 1000;
    const isAborted = !reply.raw.writableFinished;
    const completed = { request, reply, status, route: request.routeOptions.url, seconds, isAborted };
    for (const listener of listeners) listener(completed);
  };
  reply.raw.once('close', complete);
  // Node 20 and 22 emit `close` only for the response that the connection is sending when it closes
  socket.once('close', complete);
}

/** Must come before all other hooks, as each of them may send the response. */
export function addCompletionListeners(fastify: FastifyInstance, listeners: CompletionListener[]): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    notifyOnCompletion(request, reply, listeners);
    done();
  });
}
