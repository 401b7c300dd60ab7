import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Connection, type Handler, MAX_DISCARDED_BYTES } from './connection.js';

/**
 * Pipelined requests that wait on all connections. Each takes a few KB, and a chunk of 64 KiB may hold 2,000 of them: Node
 * cannot stop its parser within a chunk.
 */
const MAX_QUEUED = 20_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For routes that read a long body themselves and end one that pauses: it may take longer than 30 s. */
    hasLongBody?: boolean;
  }
}

/** A property, not a WeakMap, for the reason given at `REPLY`. */
const CONNECTION = Symbol('connection');

type ServerSocket = Socket & { [CONNECTION]?: Connection };

/** Bounds what a connection holds, whatever its client sends or does not read. */
export class Connections {
  private readonly counter = { queued: 0 };
  private handle?: Handler;

  register(fastify: FastifyInstance): void {
    const server: Server = fastify.server;
    [this.handle] = server.listeners('request') as Handler[];
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (this.counter.queued >= MAX_QUEUED) request.socket.destroy();
      else this.of(request.socket).receive({ request, response });
    });
    fastify.addHook('onRequest', (request, _, done) => {
      if (request.routeOptions.config.hasLongBody) this.of(request.raw.socket).hasLongBody = true;
      done();
    });
    fastify.addHook('onSend', (request, reply, _, done) => {
      // a body that is late (408) is not waited for any longer, however short it is
      if (!request.raw.complete && (reply.statusCode === 408 || !isShort(request)))
        void reply.header('Connection', 'close');
      done();
    });
  }

  of(socket: ServerSocket): Connection {
    return (socket[CONNECTION] ??= new Connection(socket, this.handle!, this.counter));
  }
}

/** Whether reading the rest of the body costs less than opening another connection. */
export const isShort = ({ headers }: FastifyRequest): boolean =>
  Number(headers['content-length'] ?? NaN) <= MAX_DISCARDED_BYTES;
