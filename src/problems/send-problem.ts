import type { Socket } from 'node:net';
import { HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ProblemCode, PROBLEMS } from './catalog.js';
import { toDatabaseProblem } from './database-problem.js';
import { Problem } from './problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The problem code of the response, for the log and the metrics. */
    problem?: ProblemCode;
    /** The cause of an `internal_error`, for the log. */
    internalError?: unknown;
  }
}

/** Problem codes for errors of Fastify and Nest, by status. */
const CODE_BY_STATUS: Record<number, ProblemCode> = {
  404: 'not_found',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
  503: 'overloaded',
};

const DEFAULT_RETRY_AFTER_S = 1;

/** The only place that turns an error into a response: a problem document without stack traces, SQL or secrets. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  recordProblem(problem, error, request);
  if (problem.status === 401) void reply.header('WWW-Authenticate', challenge(request));
  if (problem.status === 429 || problem.status === 503)
    void reply.header('Retry-After', problem.extras.retryAfter ?? DEFAULT_RETRY_AFTER_S);
  if (problem.extras.allow) void reply.header('Allow', problem.extras.allow.join(', '));
  if (problem.extras.currentVersion) void reply.header('ETag', `"v${problem.extras.currentVersion}"`);
  void reply
    .code(problem.status)
    .header('Content-Type', 'application/problem+json; charset=utf-8')
    .header('Cache-Control', 'no-store')
    .send(JSON.stringify(toDocument(problem, request)));
}

/** Stores code and cause on the request, where the completion listeners read them. */
export function recordProblem(problem: Problem, error: unknown, request: FastifyRequest): void {
  request.problem = problem.code;
  if (problem.code === 'internal_error') request.internalError = error;
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown })?.statusCode;
  const isClientError = typeof status === 'number' && status >= 400 && status < 500;
  const code = CODE_BY_STATUS[status as number] ?? (isClientError ? 'malformed_request' : undefined);
  return (code && new Problem(code)) ?? toDatabaseProblem(error) ?? new Problem('internal_error');
}

function toDocument(problem: Problem, request: FastifyRequest): Record<string, unknown> {
  const { errors, currentVersion } = problem.extras;
  return {
    // without a valid Host, `type` must still be an address
    type: `${request.publicOrigin || localOriginOf(request.socket)}/problems/${problem.code}`,
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    detail: problem.detail,
    instance: instanceOf(request.url),
    code: problem.code,
    requestId: request.id,
    errors,
    currentVersion,
  };
}

/** The path as a valid URI reference (RFC 3986), also of a URL that cannot be decoded. */
export const instanceOf = (url: string): string =>
  url.split(/[?#]/, 1)[0]!.replace(/%(?![\da-f]{2})|["<>\\^`{|}[\]\x7f-\uffff]/gi, encodeURIComponent);

/** The origin at which the client has reached this process. */
export function localOriginOf(socket: Socket): string {
  const { localAddress = '127.0.0.1', localPort = 0 } = socket;
  const host = localAddress.includes(':') ? `[${localAddress.replace(/%.*$/, '')}]` : localAddress;
  return new URL(`${'encrypted' in socket ? 'https' : 'http'}://${host}:${localPort}`).origin;
}

/** RFC 6750, section 3: no error code if the request has no credentials. */
function challenge(request: FastifyRequest): string {
  return request.headers.authorization
    ? 'Bearer realm="crm-service", error="invalid_token"'
    : 'Bearer realm="crm-service"';
}
