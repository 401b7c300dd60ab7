import type { Attributes } from '@opentelemetry/api';

export interface SpanDescription {
  /** Few different ones: no ids, no values. */
  name: string;
  attributes: Attributes;
}

/** A request that is traced. */
export interface RequestSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  /** Runs `work` so that the spans of what it starts become children of this one. */
  within(work: () => void): void;
  end(name: string, attributes: Attributes, hasFailed: boolean): void;
}

/** What `opentelemetry.ts` implements. */
export interface Tracing {
  /** `headers` may name the parent (W3C Trace Context); `startTime` in milliseconds, if the request started earlier. */
  startRequest(headers: Record<string, unknown>, startTime?: number): RequestSpan;
  /** Runs `work` in a child of the current span; only runs it if that is not recorded. */
  inSpan<T>(describe: () => SpanDescription, work: () => Promise<T>): Promise<T>;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** Of this process, as OpenTelemetry's own context is. Undefined without `OTEL_EXPORTER_OTLP_ENDPOINT`. */
let current: Tracing | undefined;

export const currentTracing = (): Tracing | undefined => current;

/** Loads OpenTelemetry only if it is used. */
export async function startTracing(endpoint: string | undefined): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { startOpenTelemetry } = await import('./opentelemetry.js');
  return (current ??= startOpenTelemetry(endpoint));
}
