import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Message } from './protobuf.js';

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentId: string;
  name: string;
  kind: 'internal' | 'server' | 'client' | 'other';
  startNs: number;
  endNs: number;
  attributes: Record<string, string | number | boolean | undefined>;
  hasFailed: boolean;
  resource: Record<string, string | number | boolean | undefined>;
}

const KINDS = ['other', 'internal', 'server', 'client'] as const;

/** An OpenTelemetry collector that takes traces over OTLP/HTTP in protobuf, by the numbers of opentelemetry-proto 1.x. */
export class CollectorStandIn {
  readonly spans: CollectedSpan[] = [];
  readonly headers: Array<IncomingMessage['headers']> = [];
  /** The raw bodies, to search them for what must not be sent. */
  readonly bodies: Buffer[] = [];

  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<CollectorStandIn> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const collector = new CollectorStandIn(`http://127.0.0.1:${port}`, () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    server.on('request', (request: IncomingMessage, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const status = collector.receive(request, Buffer.concat(chunks));
        response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
    return collector;
  }

  private receive({ method, url, headers }: IncomingMessage, body: Buffer): number {
    if (method !== 'POST' || url !== '/v1/traces') return 404;
    if (headers['content-type'] !== 'application/x-protobuf') return 415;
    const bytes = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    this.headers.push(headers);
    this.bodies.push(bytes);
    for (const resourceSpans of new Message(bytes).messages(1)) {
      const resource = attributesOf(resourceSpans.message(1)!, 1);
      for (const scope of resourceSpans.messages(2))
        for (const span of scope.messages(2)) this.spans.push({ ...spanOf(span), resource });
    }
    return 200;
  }
}

const spanOf = (span: Message): Omit<CollectedSpan, 'resource'> => ({
  traceId: span.hex(1),
  spanId: span.hex(2),
  parentId: span.hex(4),
  name: span.text(5)!,
  kind: KINDS[span.integer(6)!] ?? 'other',
  startNs: span.integer(7)!,
  endNs: span.integer(8)!,
  attributes: attributesOf(span, 9),
  hasFailed: span.message(15)?.integer(3) === 2,
});

/** Of a list of KeyValue. */
const attributesOf = (message: Message, field: number): CollectedSpan['attributes'] =>
  Object.fromEntries(
    message.messages(field).map((attribute) => {
      const value = attribute.message(2)!;
      return [attribute.text(1)!, value.text(1) ?? value.integer(3) ?? value.integer(2)];
    }),
  );
