import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /** `PUBLIC_URL` */
    publicOrigin?: string;
  }
}

const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/** The address that browsers use: `PUBLIC_URL`, or what this request came by, as far as trusted proxies report it. */
export function originOf(request: FastifyRequest): string {
  const { publicOrigin } = request.server;
  if (publicOrigin) return publicOrigin;
  return HOST.test(request.host) && /^https?$/.test(request.protocol) ? `${request.protocol}://${request.host}` : '';
}
