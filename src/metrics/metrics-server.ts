import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import type { Env } from '../config/env.js';
import { listenError } from '../config/ports.js';
import { errorFields } from '../logging/error-fields.js';
import type { Logger } from '../logging/logger.js';

/** Serves /metrics in Prometheus' text format, on a separate port that is not public. */
export async function serveMetrics(env: Env, logger: Logger, read: () => Promise<string>): Promise<void> {
  if (env.METRICS_PORT === undefined) return;
  const server = createServer({ requestTimeout: 5_000 }, (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    read().then(
      (text) => response.writeHead(200, { 'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE }).end(text),
      (error: unknown) => {
        // a worker is too busy, or exiting
        logger.warn(errorFields(error), 'Could not read the metrics');
        response.writeHead(503).end();
      },
    );
  });
  server.listen(env.METRICS_PORT, env.HOST);
  await once(server, 'listening').catch((error: unknown) => {
    throw listenError(error, 'METRICS_PORT', env.METRICS_PORT!);
  });
  // must not keep the process alive
  server.unref();
  const { port } = server.address() as AddressInfo;
  logger.info({ port }, `Metrics are on port ${port}`);
}
