import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from '../database/database-errors.js';
import { Problem, type ProblemCode, PROBLEMS } from './catalog.js';
import { SECURITY_HEADERS } from '../http/response-headers.js';
import { originOf } from '../http/origin.js';

/** What Fastify and Nest themselves refuse, by status. */
const BY_STATUS: Record<number, ProblemCode> = {
  // from outside of the folder of the documentation's files
  403: 'not_found',
  404: 'not_found',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
  503: 'overloaded',
};

/** Seconds that a client is asked to wait if nobody knows better. */
const RETRY_AFTER_S = 1;

/** The one place where an error becomes an answer: a problem document, without stack, SQL or secret. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = toProblem(error);
    recordProblem(problem, error, request);
    if (problem.status === 401) void reply.header('WWW-Authenticate', challenge(request));
    if (problem.status === 429 || problem.status === 503)
      void reply.header('Retry-After', problem.extras.retryAfter ?? RETRY_AFTER_S);
    if (problem.extras.currentVersion) void reply.header('ETag', `"v${problem.extras.currentVersion}"`);
    void reply
      .code(problem.status)
      // again, as what the router refuses has passed no hook
      .headers(SECURITY_HEADERS)
      .header('X-Request-Id', request.id)
      .header('Content-Type', 'application/problem+json; charset=utf-8')
      .header('Cache-Control', 'no-store')
      .send(JSON.stringify(documentOf(problem, request)));
  }
}

/** For the log and the metrics, which hear of the request when it has ended. */
export function recordProblem(problem: Problem, error: unknown, request: FastifyRequest): void {
  request.problem = problem.code;
  if (problem.code === 'internal_error') request.internalError = error;
}

const logger = new Logger('Http');

/** What Node's HTTP parser refuses never becomes a request: there is only the socket to answer on. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = UNREADABLE[error.code ?? ''] ?? 'malformed_request';
  const { status, title, description } = PROBLEMS[code];
  const requestId = randomUUID();
  const httpRequest = { status, remoteIp: socket.remoteAddress };
  logger.log({ message: `Unreadable request ${status}`, httpRequest, requestId, code });
  const body = JSON.stringify({ type: `/problems/${code}`, title, status, detail: description, code, requestId });
  const headers = {
    ...SECURITY_HEADERS,
    'X-Request-Id': requestId,
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

const UNREADABLE: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown })?.statusCode;
  const isRefused = typeof status === 'number' && status >= 400 && status < 500;
  const code = BY_STATUS[status as number] ?? (isRefused ? 'malformed_request' : undefined);
  return (code && new Problem(code)) ?? problemOf(error) ?? new Problem('internal_error');
}

function documentOf(problem: Problem, request: FastifyRequest): Record<string, unknown> {
  const { errors, currentVersion } = problem.extras;
  return {
    type: `${originOf(request)}/problems/${problem.code}`,
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    detail: problem.detail,
    instance: request.url.split('?', 1)[0],
    code: problem.code,
    requestId: request.id,
    errors,
    currentVersion,
  };
}

/** RFC 6750, section 3: no error code when no token was sent. */
function challenge(request: FastifyRequest): string {
  return request.headers.authorization
    ? 'Bearer realm="crm-service", error="invalid_token"'
    : 'Bearer realm="crm-service"';
}
