import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../problems/catalog.js';
import { originOf } from './origin.js';
import { parseIfMatch, type VersionCondition } from './etags.js';

/** Who a request comes from, as read from the database when it arrived. */
export interface Caller {
  userId: number;
  sessionId: number;
  role: 'admin' | 'user';
}

/** What a write needs to know of the request that asks for it. */
export interface WriteContext {
  /** Who writes; null for the service itself. */
  actorId: number | null;
  requestId: string | null;
  ifMatch?: VersionCondition;
  idempotency?: { key: string; request: string; replayed: () => void };
}

export interface RequestContext extends WriteContext {
  actorId: number;
  caller: Caller;
  /** Where the answer's addresses begin. */
  origin: string;
}

/** Where a request for a session comes from. */
export interface Client {
  ipAddress: string;
  userAgent: string | null;
  requestId: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
    replayed?: boolean;
    /** The photo that came with it. */
    upload?: Buffer;
  }
}

/** Handler parameter: the signed-in caller and the conditions of the request. */
export const Context = createParamDecorator((_: unknown, execution: ExecutionContext): RequestContext => {
  const request = execution.switchToHttp().getRequest<FastifyRequest>();
  const { caller } = request;
  if (!caller) throw new Problem('unauthenticated');
  return {
    actorId: caller.userId,
    caller,
    origin: originOf(request),
    requestId: request.id,
    ifMatch: parseIfMatch(request.headers['if-match']),
    idempotency: idempotencyOf(request),
  };
});

/** Handler parameter: where addresses in the answer begin. */
export const PublicOrigin = createParamDecorator((_: unknown, execution: ExecutionContext): string =>
  originOf(execution.switchToHttp().getRequest<FastifyRequest>()),
);

/** Handler parameter of public routes. */
export const ClientInfo = createParamDecorator((_: unknown, execution: ExecutionContext): Client => {
  const request = execution.switchToHttp().getRequest<FastifyRequest>();
  return {
    ipAddress: addressOf(request),
    userAgent: request.headers['user-agent']?.slice(0, 255) ?? null,
    requestId: request.id,
  };
});

/** What a proxy forwards may be no address at all; a zone (RFC 4007) means nothing to anybody else, and has no end. */
function addressOf({ ip, socket }: FastifyRequest): string {
  const address = isIP(ip) ? ip : (socket.remoteAddress ?? '');
  return address.split('%', 1)[0]!;
}

function idempotencyOf(request: FastifyRequest): WriteContext['idempotency'] {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key))
    throw Problem.invalid([
      { pointer: 'Idempotency-Key', code: 'not_allowed', message: 'must have 1 to 255 printable ASCII characters' },
    ]);
  const upload = request.upload ? createHash('sha256').update(request.upload).digest('hex') : '';
  const text = `${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}${upload}`;
  return { key, request: text, replayed: () => (request.replayed = true) };
}
