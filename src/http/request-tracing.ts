import type { FastifyInstance } from 'fastify';
import type { RequestSpan, Tracing } from '../tracing/tracing.js';
import type { CompletionListener } from './request-completion.js';
import { pathOf } from './request-log.js';

declare module 'fastify' {
  interface FastifyRequest {
    span?: RequestSpan;
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Traces every request, as a child of the span that its `traceparent` names. */
export function traceRequests(fastify: FastifyInstance, tracing: Tracing): void {
  fastify.decorateRequest('span', undefined);
  fastify.addHook('onRequest', (request, _, done) => {
    request.span = tracing.startRequest(request.headers);
    request.span.within(done);
  });
  // the end of a body is an event of the connection, not of the request
  fastify.addHook('preValidation', (request, _, done) => request.span!.within(done));
}

/** Ends the span of a request. Attributes follow OpenTelemetry's conventions for HTTP; none contains a query string or a name. */
export function requestSpans(tracing: Tracing): CompletionListener {
  return (completed) => {
    const { request, status, route, seconds } = completed;
    // the router has refused it before any hook
    const span = request.span ?? tracing.startRequest(request.headers, Date.now() - seconds * 1000);
    const method = METHODS.has(request.method) ? request.method : '_OTHER';
    const attributes = {
      'http.request.method': method,
      'http.response.status_code': status,
      'http.route': route,
      'url.path': pathOf(completed),
      'url.scheme': request.protocol,
      'network.protocol.version': request.raw.httpVersion,
      'crm.request_id': request.id,
      'error.type': status >= 500 ? (request.problem ?? String(status)) : undefined,
    };
    span.end(route ? `${method} ${route}` : method, attributes, status >= 500);
  };
}
