import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { Problem } from '../problems/problem.js';
import { instanceOf, localOriginOf, sendProblem } from '../problems/send-problem.js';
import type { Connections } from './connections.js';
import { originOf } from './origin.js';
import { replyOf } from './request-completion.js';
import { SECURITY_HEADERS } from './response-headers.js';

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** What Node reports of a message that its parser rejects: the bytes it has read last, and where it stopped. */
type ParserError = Error & { code?: string; rawPacket?: unknown; bytesParsed?: number };

/** Responds to messages that Node's HTTP parser rejects, and ends their connection. */
export class UnreadableRequests {
  /** Told the code of problems that belong to no request, which no completion listener sees. */
  onProblem?: (code: ProblemCode) => void;
  private readonly logger = new Logger('Http');

  constructor(
    private readonly connections: Connections,
    private readonly publicUrl: string | undefined,
  ) {}

  readonly handle = (error: ParserError, socket: Socket): void => {
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
      else this.refuse(code, socket, targetOf(error));
    });
  };

  /** Rejected before a request object exists: the response goes straight to the socket. */
  private refuse(code: ProblemCode, socket: Socket, { host, path }: Target): void {
    const scheme = 'encrypted' in socket ? 'https' : 'http';
    const origin = this.publicUrl ?? (originOf(scheme, host) || localOriginOf(socket));
    const { status, headers, body } = messageOf(code, origin, path);
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
export function refuseUnsupportedRequests(fastify: FastifyInstance): void {
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  fastify.addHook('onRequest', (request, reply, done) => {
    const { httpVersion, rawHeaders } = request.raw;
    const { expect } = request.headers;
    let hosts = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) if (isHost(rawHeaders[at]!)) hosts++;
    // RFC 9112, 3.2
    if (hosts > 1 || (hosts === 0 && httpVersion === '1.1'))
      sendProblem(
        new Problem('malformed_request', 'The request must have one Host header.'),
        request,
        reply.header('Connection', 'close'),
      );
    // RFC 9110, 10.1.1: Node has responded to this one
    else if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      sendProblem(new Problem('expectation_failed'), request, reply);
    else done();
  });
}

interface Target {
  /** Empty if it is not known. */
  host: string;
  path?: string;
}

/** What can be read of the message. A pipelined one may come before it, so the last request line counts. */
function targetOf({ rawPacket, bytesParsed }: ParserError): Target {
  const text = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, bytesParsed) : '';
  const [line, target] = [...text.matchAll(/(?:^|\n)[A-Z-]+ (\/[!-~]*) HTTP\/1\.[01]\r?\n/g)].at(-1) ?? [];
  if (line === undefined) return { host: '' };
  const head = text.slice(text.lastIndexOf(line));
  const host = /\nhost:[ \t]*([^\s]*)[ \t]*\r?\n/i.exec(head)?.[1] ?? '';
  return { host, path: target };
}

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host';

function messageOf(
  code: ProblemCode,
  origin: string,
  path?: string,
): { status: number; headers: Record<string, string | number>; body: string } {
  const { status, title, description } = PROBLEMS[code];
  const requestId = randomUUID();
  const type = `${origin}/problems/${code}`;
  // RFC 9457, 3.1.5: it identifies the occurrence
  const instance = path === undefined ? `urn:uuid:${requestId}` : instanceOf(path);
  const body = JSON.stringify({ type, title, status, detail: description, instance, code, requestId });
  const headers = {
    ...SECURITY_HEADERS,
    'X-Request-Id': requestId,
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  return { status, headers, body };
}
