import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { createService } from './app.setup.js';
import { Clock } from './config/clock.js';
import type { Env } from './config/env.js';
import { announce } from './logging/announce.js';
import type { Logger } from './logging/logger.js';
import { Metrics } from './metrics/metrics.js';
import { serveMetrics } from './metrics/metrics-server.js';

/** The message of a worker to the primary process when it accepts requests. */
export interface ReadyMessage {
  type: 'ready';
  url: string;
}

/** Serves requests in this process: the only one, or one of several workers. */
export async function serve(env: Env, logger: Logger): Promise<void> {
  const { app } = await createService(env, new Clock(), logger);
  await app.listen(env.PORT, env.HOST);
  const url = env.PUBLIC_URL ?? (await app.getUrl());
  const { registry } = app.get(Metrics);
  if (cluster.isPrimary) {
    await serveMetrics(env, logger, () => registry.metrics());
    announce(env, logger, url);
  } else {
    // creating an AggregatorRegistry makes this worker answer the primary process, which sums up all metrics
    AggregatorRegistry.setRegistries([registry]);
    new AggregatorRegistry();
    process.send!({ type: 'ready', url } satisfies ReadyMessage);
  }
}
