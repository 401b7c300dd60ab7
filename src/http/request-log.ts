import { errorFields } from '../logging/error-fields.js';
import type { Logger } from '../logging/logger.js';
import { traceOf } from '../logging/trace.js';
import type { CompletedRequest, CompletionListener } from './request-completion.js';
import { addressOf } from './request-context.js';

const MAX_LENGTH = 255;
/** Asked every few seconds by whoever keeps the service running. */
const HEALTH_ROUTES = new Set(['/livez', '/readyz']);

/**
 * One line for each request, with `httpRequest` as Cloud Logging knows it. Of what the client sends there is only what it
 * takes to find the request again: no header beside these, no body, and no query, which may hold codes and names.
 */
export function requestLog(logger: Logger, project: string | undefined): CompletionListener {
  return (ended) => {
    const level = levelOf(ended);
    if (!logger.isLevelEnabled(level)) return;
    const { request, reply, status, seconds } = ended;
    const { method } = request;
    const path = pathOf(ended);
    const httpRequest = {
      requestMethod: method,
      requestUrl: path,
      status,
      latency: `${seconds.toFixed(6)}s`,
      remoteIp: addressOf(request) || undefined,
      userAgent: request.headers['user-agent']?.slice(0, MAX_LENGTH),
      responseSize: reply.getHeader('content-length')?.toString(),
      protocol: `HTTP/${request.raw.httpVersion}`,
    };
    const fields = {
      httpRequest,
      requestId: request.id,
      userId: request.caller?.userId,
      code: request.problem,
      isAborted: ended.isAborted || undefined,
      ...(request.internalError !== undefined && errorFields(request.internalError)),
      ...traceOf(request.headers, project),
    };
    logger[level](fields, `${method} ${path} ${status}`);
  };
}

/** What is refused for its number there would be too much of: it is counted, and the first of them told of. */
function levelOf({ request, status, route = '' }: CompletedRequest): 'debug' | 'info' | 'warn' | 'error' {
  if (request.problem === 'overloaded') return 'debug';
  if (status >= 500) return status === 500 ? 'error' : 'warn';
  return status < 400 && HEALTH_ROUTES.has(route) ? 'debug' : 'info';
}

/**
 * Parameters that are not numbers stay as the pattern names them, and what fits no route loses all that looks like an
 * address or a token: people put everything into paths.
 */
function pathOf({ request, route }: CompletedRequest): string {
  // CORS takes all preflights together
  if (route === undefined || route === '*')
    return request.url
      .split(/[?#;]/, 1)[0]!
      .replace(/[^/]*(?:@|%40)[^/]*|[^/]{33,}/g, '*')
      .slice(0, MAX_LENGTH);
  if (!route.includes(':')) return route;
  const parameters = request.params as Record<string, string>;
  return route.replace(/:(\w+)/g, (name, key: string) =>
    /^\d{1,10}$/.test(parameters[key] ?? '') ? parameters[key]! : name,
  );
}
