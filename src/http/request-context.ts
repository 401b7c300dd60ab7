import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { IdempotentRequest, WriteContext } from '../writes/write-context.js';
import { parseIfMatch } from './etags.js';
import { addressOf } from './forwarded.js';

/** The signed-in user of a request, read from the database for this request. */
export interface Caller {
  userId: number;
  sessionId: number;
  role: 'admin' | 'user';
}

/** Who makes a write, and in which request. */
export interface RequestContext extends WriteContext {
  actorId: number;
  requestId: string;
}

/** Where a sign-in comes from. */
export interface Client {
  ipAddress: string;
  userAgent: string | null;
  requestId: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
    /** Throws unless the caller still has access, for routes that read the body after the guards: it may be slow. */
    confirmAccess?: () => Promise<void>;
    /** As `confirmAccess`, and the token has not expired. */
    confirmToken?: () => Promise<void>;
    isReplayed?: boolean;
    /** The version of the row that the request has written last. */
    writtenVersion?: number;
    /** The photo in the body. */
    upload?: Buffer;
    /** SHA-256 of the photo, if the request has an Idempotency-Key. */
    uploadHash?: string;
  }
}

const requestOf = (execution: ExecutionContext): FastifyRequest =>
  execution.switchToHttp().getRequest<FastifyRequest>();

/** Handler parameter: the signed-in user. */
export const CurrentUser = createParamDecorator((_: unknown, execution: ExecutionContext): Caller => {
  const { caller } = requestOf(execution);
  if (!caller) throw new Problem('unauthenticated');
  return caller;
});

/** Handler parameter: who makes the write, in which request, and its Idempotency-Key. */
export const Context = createParamDecorator((_: unknown, execution: ExecutionContext): RequestContext => {
  const request = requestOf(execution);
  if (!request.caller) throw new Problem('unauthenticated');
  const onVersion = (version: number): void => {
    request.writtenVersion = version;
  };
  return { actorId: request.caller.userId, requestId: request.id, idempotency: idempotencyOf(request), onVersion };
});

/** Handler parameter: the versions that `If-Match` allows (RFC 9110, 13.1.1); undefined without the header. */
export const IfMatch = createParamDecorator((_: unknown, execution: ExecutionContext): VersionCondition | undefined =>
  parseIfMatch(requestOf(execution).headers['if-match']),
);

/** Handler parameter: the origin for URLs in the response. */
export const PublicOrigin = createParamDecorator(
  (_: unknown, execution: ExecutionContext): string => requestOf(execution).publicOrigin,
);

/** Handler parameter of the sign-in routes: address and browser of the client. */
export const ClientInfo = createParamDecorator((_: unknown, execution: ExecutionContext): Client =>
  clientOf(requestOf(execution)),
);

export const clientOf = (request: FastifyRequest): Client => ({
  ipAddress: addressOf(request),
  userAgent: request.headers['user-agent']?.slice(0, 255) ?? null,
  requestId: request.id,
});

/** Refuses a key that cannot be stored. */
export function parseIdempotencyKey({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key))
    throw Problem.invalid([
      { pointer: 'Idempotency-Key', code: 'not_allowed', message: 'Must have 1 to 255 printable ASCII characters.' },
    ]);
  return key;
}

function idempotencyOf(request: FastifyRequest): IdempotentRequest | undefined {
  const key = parseIdempotencyKey(request);
  if (key === undefined) return undefined;
  const text = `${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}${request.uploadHash ?? ''}`;
  return { key, request: text, onReplay: () => (request.isReplayed = true) };
}
