import type { FastifyInstance, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** The origin that browsers use, without a trailing slash; empty if the request has no valid one. */
    publicOrigin: string;
  }
}

const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/** `PUBLIC_URL`, or the scheme and host of the request, as far as trusted proxies report them. */
export function decoratePublicOrigin(fastify: FastifyInstance, publicUrl: string | undefined): void {
  fastify.decorateRequest('publicOrigin', {
    getter(this: FastifyRequest): string {
      if (publicUrl) return publicUrl;
      return HOST.test(this.host) && /^https?$/.test(this.protocol) ? `${this.protocol}://${this.host}` : '';
    },
  });
}
