import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { SECURITY_HEADERS } from './response-headers.js';

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

const logger = new Logger('Http');

/** Node's HTTP parser rejects these before a request object exists: the response goes straight to the socket. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = CODES[error.code ?? ''] ?? 'malformed_request';
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
