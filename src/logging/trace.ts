import type { IncomingHttpHeaders } from 'node:http';

const MAX_SPAN = 2n ** 64n - 1n;

/** W3C Trace Context, section 3.2: future versions may append fields. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-[\x21-\x7e]{0,200})?$/;
/** https://cloud.google.com/trace/docs/trace-context#legacy-http-header: the span id is decimal. */
const CLOUD_TRACE = /^([\da-fA-F]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?$/;

export interface Trace {
  'logging.googleapis.com/trace': string;
  'logging.googleapis.com/spanId'?: string;
  'logging.googleapis.com/trace_sampled'?: boolean;
}

/** Returns the trace of a request, in the fields by which Cloud Logging correlates log lines. */
export function traceOf(headers: IncomingHttpHeaders, project: string | undefined): Trace | undefined {
  const { traceparent, 'x-cloud-trace-context': legacy } = headers;
  if (typeof traceparent === 'string') {
    const [, trace, span, flags] = TRACEPARENT.exec(traceparent) ?? [];
    if (isValidId(trace) && isValidId(span)) return traceFields(project, trace, span, (parseInt(flags!, 16) & 1) === 1);
  }
  if (typeof legacy === 'string') {
    const [, trace, span, sampled] = CLOUD_TRACE.exec(legacy) ?? [];
    if (isValidId(trace)) return traceFields(project, trace.toLowerCase(), hexSpanId(span), sampled === '1');
  }
  return undefined;
}

/** An id of only zeros is invalid. */
const isValidId = (text: string | undefined): text is string => text !== undefined && /[^0]/.test(text);

function hexSpanId(decimal = '0'): string | undefined {
  const span = BigInt(decimal);
  return span === 0n || span > MAX_SPAN ? undefined : span.toString(16).padStart(16, '0');
}

export function traceFields(
  project: string | undefined,
  trace: string,
  span: string | undefined,
  isSampled: boolean,
): Trace {
  return {
    'logging.googleapis.com/trace': project === undefined ? trace : `projects/${project}/traces/${trace}`,
    'logging.googleapis.com/spanId': span,
    'logging.googleapis.com/trace_sampled': isSampled,
  };
}
