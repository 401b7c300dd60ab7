import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { Problem } from '../problems/problem.js';
import { sendProblem } from '../problems/send-problem.js';
import type { Connections } from './connections.js';
import { replyOf } from './request-completion.js';
import { SECURITY_HEADERS } from './response-headers.js';

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Responds to messages that Node's HTTP parser rejects, and ends their connection. */
export class UnreadableRequests {
  /** Told the code of problems that belong to no request, which no completion listener sees. */
  onProblem?: (code: ProblemCode) => void;
  private readonly logger = new Logger('Http');

  constructor(private readonly connections: Connections) {}

  readonly handle = (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) {
      socket.destroy();
      return;
    }
    const code = CODES[error.code ?? ''] ?? 'malformed_request';
    if (code === 'request_timeout' && this.connections.of(socket).hasLongBody) return;
    this.connections.of(socket).fail((response) => {
      const reply = response && replyOf(response);
      // the body of a request is late or malformed
      if (reply) sendProblem(new Problem(code), reply.request, reply.header('Connection', 'close'));
      else this.refuse(code, socket);
    });
  };

  /** Rejected before a request object exists: the response goes straight to the socket. */
  private refuse(code: ProblemCode, socket: Socket): void {
    const { status, headers, body } = messageOf(code);
    const httpRequest = { status, remoteIp: socket.remoteAddress };
    const requestId = headers['X-Request-Id'];
    this.logger.log({ message: `Unreadable request ${status}`, httpRequest, requestId, code });
    this.onProblem?.(code);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  }
}

/**
 * Requests that Node's server refuses by itself, with an empty response that nothing logs: `requireHostHeader` must be off.
 * Call it before other hooks that respond.
 */
export function refuseInvalidHosts(fastify: FastifyInstance): void {
  // RFC 9110, 10.1.1: a server may ignore expectations that it does not know; Node ignores `100-continue` only
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  fastify.addHook('onRequest', (request, reply, done) => {
    const { httpVersion, rawHeaders } = request.raw;
    let hosts = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) if (isHost(rawHeaders[at]!)) hosts++;
    // RFC 9112, 3.2
    if (hosts > 1 || (hosts === 0 && httpVersion === '1.1'))
      sendProblem(
        new Problem('malformed_request', 'The request must have one Host header.'),
        request,
        reply.header('Connection', 'close'),
      );
    else done();
  });
}

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host';

function messageOf(code: ProblemCode): { status: number; headers: Record<string, string | number>; body: string } {
  const { status, title, description } = PROBLEMS[code];
  const requestId = randomUUID();
  const body = JSON.stringify({ type: `/problems/${code}`, title, status, detail: description, code, requestId });
  const headers = {
    ...SECURITY_HEADERS,
    'X-Request-Id': requestId,
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  return { status, headers, body };
}
