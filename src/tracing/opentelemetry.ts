import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  diag,
  DiagLogLevel,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { NAME, VERSION } from '../config/version.js';
import { FailureLog } from '../logging/failure-log.js';
import type { RequestSpan, Tracing } from './tracing.js';

/** A collector that does not answer must not delay the shutdown. */
const STOP_MS = 1_000;

/**
 * Sends spans over OTLP/HTTP. The sampler, the size of the queue, headers and attributes of the resource come from
 * OpenTelemetry's own environment variables (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, …). Spans that the
 * collector does not take in time are dropped.
 */
export function startOpenTelemetry(endpoint: string): Tracing {
  reportFailures(endpoint);
  const own = { 'service.name': NAME, 'service.version': VERSION, 'service.instance.id': randomUUID() };
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes(own))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })),
    ],
  });
  // not the baggage, whose values clients choose
  provider.register({ propagator: new W3CTraceContextPropagator() });
  const tracer = provider.getTracer(NAME, VERSION);
  return {
    startRequest: (headers, startTime) => {
      const parent = propagation.extract(ROOT_CONTEXT, headers);
      return new OpenTelemetryRequest(tracer.startSpan('HTTP', { kind: SpanKind.SERVER, startTime }, parent));
    },
    inSpan: (describe, work) => {
      // no span of its own for timers, nor for what goes on after the request
      if (!trace.getActiveSpan()?.isRecording()) return work();
      const { name, attributes } = describe();
      return tracer.startActiveSpan(name, { kind: SpanKind.CLIENT, attributes }, async (span) => {
        try {
          return await work();
        } catch (error) {
          fail(span, error);
          throw error;
        } finally {
          span.end();
        }
      });
    },
    // a failed export is reported and must not fail the shutdown
    stop: () => Promise.race([provider.shutdown().catch(() => undefined), sleep(STOP_MS, undefined, { ref: false })]),
  };
}

class OpenTelemetryRequest implements RequestSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;

  constructor(private readonly span: Span) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  within(work: () => void): void {
    context.with(trace.setSpan(ROOT_CONTEXT, this.span), work);
  }

  end(name: string, attributes: Parameters<RequestSpan['end']>[1], hasFailed: boolean): void {
    this.span.updateName(name).setAttributes(attributes);
    if (hasFailed) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end();
  }
}

/** Without the message, which may quote values of a row. */
function fail(span: Span, error: unknown): void {
  const { code, errno, name } = ((error as { driverError?: object }).driverError ?? error) as NodeJS.ErrnoException;
  span.setAttribute('error.type', String(code ?? errno ?? name)).setStatus({ code: SpanStatusCode.ERROR });
}

function reportFailures(endpoint: string): void {
  const failures = new FailureLog('Tracing');
  const report = (): void =>
    failures.report('export', {
      message: 'Could not send traces; they are dropped',
      endpoint,
      fix: 'Check that OTEL_EXPORTER_OTLP_ENDPOINT is the address of a collector that accepts OTLP over HTTP (port 4318).',
    });
  const ignore = (): void => undefined;
  const logger = { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
