import fastifyCors from '@fastify/cors';
import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Env } from '../config/env.js';

const MAX_WARNINGS = 20;
/** As browsers send it. */
const ORIGIN = /^https?:\/\/[\w.:[\]-]{1,100}$/;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const EXPOSED_HEADERS = [
  'Content-Disposition',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'Retry-After',
  'X-Request-Id',
];

/** Allows exactly these origins to call the API. Without origins, no CORS header is sent. */
export async function registerCors(fastify: FastifyInstance, origins: string[]): Promise<void> {
  if (origins.length === 0) return;
  await fastify.register(fastifyCors, {
    delegator: ({ headers: { origin = '' } }, done) =>
      done(null, {
        origin: origins,
        methods: METHODS,
        exposedHeaders: EXPOSED_HEADERS,
        // for the cookie of a provider sign-in, which a frontend may start
        credentials: origins.includes(origin),
        maxAge: 600,
        // an OPTIONS request that is not a preflight is handled like any other request
        strictPreflight: false,
      }),
  });
}

/**
 * Tells developers why their browser reports a CORS error: the preflight of an unknown origin is logged, once for each
 * origin. Not in production, where strangers could fill the log.
 */
export function warnOfUnknownOrigins(fastify: FastifyInstance, { NODE_ENV, CORS_ORIGINS }: Env): void {
  if (NODE_ENV !== 'development') return;
  const logger = new Logger('Cors');
  const warned = new Set<string>();
  fastify.addHook('onRequest', ({ method, headers }, _reply, done) => {
    const { origin, 'access-control-request-method': requested } = headers;
    const isRefused = method === 'OPTIONS' && requested !== undefined && !CORS_ORIGINS.includes(origin ?? '');
    if (isRefused && warned.size < MAX_WARNINGS && ORIGIN.test(origin ?? '') && !warned.has(origin!)) {
      warned.add(origin!);
      logger.warn(`Refused a CORS preflight of ${origin}. To allow this origin, add it to CORS_ORIGINS.`);
    }
    done();
  });
}

/** For requests that the router refuses before any hook runs: without these headers a page cannot read the problem. */
export function setCorsHeaders(request: FastifyRequest, reply: FastifyReply, origins: string[]): void {
  const { origin = '' } = request.headers;
  if (!origins.includes(origin)) return;
  void reply.headers({
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': EXPOSED_HEADERS.join(', '),
    Vary: 'Origin',
  });
}
