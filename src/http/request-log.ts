import { withoutControls } from '../logging/control-characters.js';
import { errorFields } from '../logging/error-fields.js';
import type { Logger } from '../logging/logger.js';
import { traceFields, traceOf } from '../logging/trace.js';
import { addressOf } from './forwarded.js';
import type { CompletedRequest, CompletionListener } from './request-completion.js';

const MAX_LENGTH = 255;
/** Polled every few seconds by the platform. */
const HEALTH_ROUTES = new Set(['/livez', '/readyz']);

/**
 * Logs one line per request, with `httpRequest` in Cloud Logging's format. Of the client's input it logs only what identifies
 * the request: no other header, no body, and no query string, which may contain codes and names.
 */
export function requestLog(logger: Logger, project: string | undefined): CompletionListener {
  return (completed) => {
    const level = levelOf(completed);
    if (!logger.isLevelEnabled(level)) return;
    const { request, reply, status, seconds } = completed;
    const { method, span } = request;
    const path = pathOf(completed);
    const httpRequest = {
      requestMethod: method,
      requestUrl: path,
      status,
      latency: `${seconds.toFixed(6)}s`,
      remoteIp: addressOf(request) || undefined,
      userAgent: printable(request.headers['user-agent']),
      responseSize: reply.getHeader('content-length')?.toString(),
      protocol: `HTTP/${request.raw.httpVersion}`,
    };
    const fields = {
      httpRequest,
      requestId: request.id,
      userId: request.caller?.userId,
      code: request.problem,
      isAborted: completed.isAborted || undefined,
      ...(request.internalError !== undefined && errorFields(request.internalError)),
      ...(span ? traceFields(project, span.traceId, span.spanId, span.isSampled) : traceOf(request.headers, project)),
    };
    logger[level](fields, `${method} ${path} ${status}`);
  };
}

const printable = <T extends string | undefined>(text: T): T =>
  (text && withoutControls(text.slice(0, MAX_LENGTH))) as T;

/** Shed requests log at debug, as there are many of them; a metric counts them, and the first one logs a warning. */
function levelOf({ request, status, route = '' }: CompletedRequest): 'debug' | 'info' | 'warn' | 'error' {
  if (request.problem === 'overloaded') return 'debug';
  if (status >= 500) return status === 500 ? 'error' : 'warn';
  return status < 400 && HEALTH_ROUTES.has(route) ? 'debug' : 'info';
}

/**
 * Keeps personal data out of the paths of the log and of traces: a parameter that is not a number is logged as its name in the pattern, and a path
 * without a route loses every segment that looks like an e-mail address or a token.
 */
export function pathOf({ request, route }: CompletedRequest): string {
  // preflight requests share the route `*`
  if (route === undefined || route === '*')
    return printable(request.url.split(/[?#;]/, 1)[0]!.replace(/[^/]*(?:@|%40)[^/]*|[^/]{33,}/g, '*'));
  if (!route.includes(':')) return route;
  const parameters = request.params as Record<string, string>;
  return route.replace(/:(\w+)/g, (name, key: string) =>
    /^\d{1,10}$/.test(parameters[key] ?? '') ? parameters[key]! : name,
  );
}
