import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import type { Connections } from './connections.js';
import { SECURITY_HEADERS } from './response-headers.js';

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

const logger = new Logger('Http');

/** Responds to messages that Node's HTTP parser rejects, and ends their connection. */
export function createClientErrorHandler(
  connections: Connections,
): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) {
      socket.destroy();
      return;
    }
    const code = CODES[error.code ?? ''] ?? 'malformed_request';
    connections.of(socket).fail((response) => {
      const { status, headers, body } = messageOf(code);
      // the body of a request is late or malformed: its completion is logged like any other
      if (response) return void response.writeHead(status, headers).end(body);
      // rejected before a request object exists: the response goes straight to the socket
      const httpRequest = { status, remoteIp: socket.remoteAddress };
      const requestId = headers['X-Request-Id'];
      logger.log({ message: `Unreadable request ${status}`, httpRequest, requestId, code });
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    });
  };
}

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
