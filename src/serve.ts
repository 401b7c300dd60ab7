import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { createService } from './app.setup.js';
import { Clock } from './config/clock.js';
import type { Env } from './config/env.js';
import { announce } from './logging/announce.js';
import type { Logger } from './logging/logger.js';
import { Metrics } from './metrics/metrics.js';
import { serveMetrics } from './metrics/metrics-server.js';

/** What a worker tells the primary process when it serves. */
export interface Ready {
  type: 'ready';
  url: string;
}

/** A process that answers requests: the only one, or one of several workers. */
export async function serve(env: Env, logger: Logger): Promise<void> {
  const { app } = await createService(env, new Clock(), logger);
  await app.listen(env.PORT, env.HOST);
  const url = env.PUBLIC_URL ?? (await app.getUrl());
  const { registry } = app.get(Metrics);
  if (cluster.isPrimary) {
    await serveMetrics(env, logger, () => registry.metrics());
    announce(env, logger, url);
  } else {
    // the primary adds up the metrics of all; an instance of this answers it
    AggregatorRegistry.setRegistries([registry]);
    new AggregatorRegistry();
    process.send!({ type: 'ready', url } satisfies Ready);
  }
}
