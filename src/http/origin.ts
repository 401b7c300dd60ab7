import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IsTrusted } from './forwarded.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The origin that browsers use, without a trailing slash; empty if the request has no valid one. */
    publicOrigin: string;
  }
}

const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/** `PUBLIC_URL`, or the scheme and host of the request, as far as trusted proxies report them. */
export function decoratePublicOrigin(
  fastify: FastifyInstance,
  publicUrl: string | undefined,
  isTrusted: IsTrusted,
): void {
  fastify.decorateRequest('publicOrigin', {
    getter(this: FastifyRequest): string {
      if (publicUrl) return publicUrl;
      const isForwarded = isTrusted(this.socket.remoteAddress);
      return originOf(schemeOf(this, isForwarded), hostOf(this, isForwarded));
    },
  });
}

/**
 * The scheme that the client used. Proxies append theirs or pass the header on, so the first is the client's. A client can
 * forge it, but only for the links and the cookie in its own response.
 */
function schemeOf(request: FastifyRequest, isForwarded: boolean): string {
  const [scheme] = isForwarded ? entriesOf(request, 'x-forwarded-proto') : [];
  return (scheme ?? ('encrypted' in request.socket ? 'https' : 'http')).toLowerCase();
}

/** The host that the client used: of several, the one that the outermost trusted proxy reports. */
function hostOf(request: FastifyRequest, isForwarded: boolean): string {
  const hosts = isForwarded ? entriesOf(request, 'x-forwarded-host') : [];
  const proxies = Math.max(1, (request.ips ?? []).length - 1);
  return hosts[Math.max(0, hosts.length - proxies)] ?? request.headers.host ?? '';
}

function entriesOf({ headers }: FastifyRequest, name: string): string[] {
  const entries = String(headers[name] ?? '').split(',');
  return entries.map((entry) => entry.trim()).filter(Boolean);
}

/** In lower case and without the default port, as browsers write and compare origins. */
export function originOf(scheme: string, host: string): string {
  const text = `${scheme}://${host}`;
  return /^https?$/.test(scheme) && HOST.test(host) && URL.canParse(text) ? new URL(text).origin : '';
}
