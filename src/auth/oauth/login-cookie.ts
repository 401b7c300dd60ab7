import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STATE_LIFETIME_S } from './login-state.js';

/** The id that binds a sign-in to its browser. The tabs of a browser share it, so that several can sign in at once. */
export function readBrowserId(request: FastifyRequest): string | undefined {
  const browserId = request.cookies[cookieName(request)];
  return browserId !== undefined && /^[\w-]{22}$/.test(browserId) ? browserId : undefined;
}

export const createBrowserId = (): string => randomBytes(16).toString('base64url');

export function setBrowserId(request: FastifyRequest, reply: FastifyReply, browserId: string): void {
  void reply.setCookie(cookieName(request), browserId, {
    path: '/',
    maxAge: STATE_LIFETIME_S,
    httpOnly: true,
    sameSite: 'lax',
    secure: isHttps(request),
  });
}

const isHttps = (request: FastifyRequest): boolean => request.publicOrigin.startsWith('https:');

/** RFC 6265bis, 4.1.3.2: browsers accept the prefix `__Host-` only from this host itself, and only over TLS. */
const cookieName = (request: FastifyRequest): string => (isHttps(request) ? '__Host-login' : 'login');
