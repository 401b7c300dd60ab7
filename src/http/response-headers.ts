import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { includesVersion } from '../writes/version-condition.js';
import { etagOf, parseVersions } from './etags.js';

/** OWASP REST Security Cheat Sheet. Constant, as building them for every response costs 6 % of a point read. */
export const SECURITY_HEADERS = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};
/** Swagger UI needs its own scripts, and inline styles. */
const DOCS_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** Keeps the client's request id if it is short and cannot break a log line or a header; otherwise generates one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const sent = request.headers['x-request-id'];
  return typeof sent === 'string' && /^[\w.:=+/-]{1,64}$/.test(sent) ? sent : randomUUID();
}

/** Separate from the hook: requests that the router refuses pass no hook. */
export function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers(SECURITY_HEADERS).header('X-Request-Id', request.id);
}

/**
 * Adds the headers of every response: security headers, request id, caching, and, derived from the body, ETag, Location
 * and Link. Fastify hooks rather than interceptors, which would wrap every request in an Observable.
 */
export function addResponseHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply);
    // by the route: the URL may be absolute or percent-encoded
    const { url: route = '' } = request.routeOptions;
    if (route.startsWith('/docs')) void reply.header('Content-Security-Policy', DOCS_POLICY);
    // token responses must not be cached (RFC 6749, 5.1), nor redirects that carry a code for tokens
    if (route.startsWith('/login')) void reply.header('Cache-Control', 'no-store');
    done();
  });

  fastify.addHook('preSerialization', (request, reply, payload, done) => {
    const { id, version, page } = payload as { id?: number; version?: unknown; page?: { next: string | null } };
    if (typeof version === 'number') void reply.header('ETag', etagOf(version));
    if (reply.statusCode === 201 && id !== undefined)
      void reply.header('Location', `${request.url.split('?', 1)[0]}/${id}`);
    if (page?.next) void reply.header('Link', `<${nextUrl(request, page.next)}>; rel="next"`);
    if (request.isReplayed) void reply.header('Idempotency-Replayed', 'true');
    // personal data: private cache only, revalidated by ETag
    if (!reply.hasHeader('Cache-Control')) void reply.header('Cache-Control', 'private, no-cache');
    done(null, payload);
  });

  fastify.addHook('onSend', (request, reply, payload, done) => {
    const { writtenVersion, routeOptions } = request;
    // responses without the resource, such as 204
    if (writtenVersion && routeOptions.config.headers?.has('If-Match') && isSuccess(reply) && !reply.hasHeader('ETag'))
      void reply.header('ETag', etagOf(writtenVersion));
    const known = request.headers['if-none-match'];
    const version = /^"v(\d+)"$/.exec((reply.getHeader('ETag') as string | undefined) ?? '')?.[1];
    if (known && version && reply.statusCode === 200 && (request.method === 'GET' || request.method === 'HEAD')) {
      const versions = parseVersions(known);
      if (versions && includesVersion(versions, Number(version))) {
        void reply.code(304).removeHeader('Content-Type').removeHeader('Content-Length');
        done(null, '');
        return;
      }
    }
    done(null, payload);
  });
}

const isSuccess = ({ statusCode }: FastifyReply): boolean => statusCode >= 200 && statusCode < 300;

/** The next page of the same list, as a relative reference (RFC 8288). */
function nextUrl(request: FastifyRequest, cursor: string): string {
  const parameter = request.routeOptions.config.query?.has('after') ? 'after' : 'cursor';
  const query = new URLSearchParams({ ...(request.query as Record<string, string>), [parameter]: cursor });
  return `${request.url.split('?', 1)[0]}?${query.toString()}`;
}
