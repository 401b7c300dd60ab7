import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import { linesOf } from './client.js';
import { expectDocumented } from './documented.js';
import { API } from './openapi.js';

/** Longer bodies are not checked. */
const MAX_BYTES = 1024 * 1024;
/** The origins whose responses `checkResponses` sees already, or which are not to be checked. */
const checkedOrigins = new Set<string>();

export function bodyOf(type: string, text: string): unknown {
  if (type.includes('ndjson')) return linesOf(text);
  return type.includes('json') && text ? (JSON.parse(text) as unknown) : text;
}

/**
 * Checks every complete response of a server against the OpenAPI, however the request was sent. Returns what was wrong,
 * for the end of the test: a response that nobody expects must not end it.
 */
export function checkResponses(server: Server, api: OpenAPIObject, origin: string): string[] {
  const violations: string[] = [];
  checkedOrigins.add(origin);
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let sent: OutgoingHttpHeaders = {};
    const write = response.write.bind(response);
    const end = response.end.bind(response);
    const writeHead = response.writeHead.bind(response);
    const collect = (chunk: unknown): void => {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
      const bytes = Buffer.from(chunk as string);
      size += bytes.length;
      if (size <= MAX_BYTES) chunks.push(bytes);
    };
    Object.assign(response, {
      writeHead(status: number, ...rest: unknown[]) {
        sent = rest.find((value): value is OutgoingHttpHeaders => typeof value === 'object') ?? {};
        return Reflect.apply(writeHead, undefined, [status, ...rest]);
      },
      write(chunk: unknown, ...rest: unknown[]) {
        collect(chunk);
        return Reflect.apply(write, undefined, [chunk, ...rest]);
      },
      end(chunk: unknown, ...rest: unknown[]) {
        collect(chunk);
        return Reflect.apply(end, undefined, [chunk, ...rest]);
      },
    });
    response.once('finish', () => {
      const headers = new Headers();
      for (const [name, value] of Object.entries({ ...response.getHeaders(), ...sent }))
        headers.set(name, String(value));
      const { method = '', url = '' } = request;
      try {
        const type = headers.get('content-type') ?? '';
        if (headers.has('content-encoding') || size > MAX_BYTES) return;
        const body = bodyOf(type, Buffer.concat(chunks).toString());
        expectDocumented(api, method, pathOf(url), { status: response.statusCode, headers, body });
      } catch (error) {
        violations.push((error as Error).message);
      }
    });
  });
  return violations;
}

/** The target may be absolute. */
const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/]*/, '');

/** For a program with another OpenAPI. */
export const leaveUnchecked = (origin: string): unknown => checkedOrigins.add(origin);

/** Lets `fetch` check the responses of programs in other processes too. */
export function checkFetch(): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (...request) => {
    const response = await fetch(...request);
    const { origin, pathname } = new URL(response.url);
    // others do not send it; a response without a length may never end
    const isOurs = response.headers.has('x-request-id') && response.headers.has('content-length');
    if (!isOurs || checkedOrigins.has(origin) || response.headers.has('content-encoding')) return response;
    const text = await response
      .clone()
      .text()
      .catch(() => undefined);
    const method = request[1]?.method ?? (request[0] instanceof Request ? request[0].method : 'GET');
    if (text !== undefined) {
      const body = bodyOf(response.headers.get('content-type') ?? '', text);
      expectDocumented(API, method, pathname, { status: response.status, headers: response.headers, body });
    }
    return response;
  };
}
