import fastifyCors from '@fastify/cors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

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
