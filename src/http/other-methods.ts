import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';
import { sendProblem } from '../problems/send-problem.js';
import type { Caller } from './request-context.js';
import type { AccessLevel } from './route-decorators.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use the route. The routes of the documentation, which have none, are public. */
    access?: AccessLevel;
  }
}

/** Never reaches a handler: Node treats it as a request for a tunnel. */
const TUNNEL = 'CONNECT';

/**
 * Responds to a known path with another method: 405 with `Allow` (RFC 9110, 15.5.6) for callers who may use the path.
 * Others get the response of the path itself (401) or, without the role, of an unknown one (404). In the router, as
 * `DELETE /customers/export` would otherwise be the route of a customer with the id `export`.
 */
export class OtherMethods {
  private readonly paths = new Map<string, Map<string, AccessLevel>>();

  /** Call it before the routes are registered. */
  collectRoutes(fastify: FastifyInstance): void {
    for (const method of METHODS)
      if (method !== TUNNEL && !fastify.supportedMethods.includes(method))
        fastify.addHttpMethod(method, { hasBody: true });
    fastify.addHook('onRoute', ({ method, url, config = {} }) => {
      const methods = this.paths.get(url) ?? new Map<string, AccessLevel>();
      this.paths.set(url, methods);
      for (const name of [method].flat()) methods.set(name.toUpperCase(), config.access ?? 'public');
    });
  }

  /** Call it when all routes are registered. */
  register(fastify: FastifyInstance, authenticate: (request: FastifyRequest) => Promise<Caller | undefined>): void {
    for (const [url, found] of [...this.paths]) {
      // registering adds the others to those that were found
      const methods = new Map(found);
      const others = fastify.supportedMethods.filter((method) => !methods.has(method));
      fastify.route({
        method: others,
        url,
        // before the body is read
        onRequest: async (request, reply) => {
          try {
            sendProblem(await refuse(methods, () => authenticate(request)), request, reply);
          } catch (error) {
            sendProblem(error, request, reply);
          }
          return reply;
        },
        handler: () => undefined,
      });
    }
  }
}

async function refuse(
  methods: ReadonlyMap<string, AccessLevel>,
  authenticate: () => Promise<Caller | undefined>,
): Promise<Problem> {
  const isPublic = [...methods.values()].includes('public');
  const caller = isPublic ? undefined : await authenticate();
  if (!isPublic && !caller) return new Problem('unauthenticated');
  const isAllowed = (access: AccessLevel): boolean =>
    access === 'public' || access === 'user' || caller?.role === 'admin';
  const allow = [...methods].filter(([, access]) => isAllowed(access)).map(([method]) => method);
  if (allow.length === 0) return new Problem('not_found');
  return new Problem('method_not_allowed', `The path supports: ${allow.join(', ')}.`, { allow });
}
