import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { prepareService } from './app.setup.js';
import { Clock } from './config/clock.js';
import type { Env } from './config/env.js';
import { listenError } from './config/ports.js';
import { reserveDataDir } from './database/data-dir-lock.js';
import { announce } from './logging/announce.js';
import type { Logger } from './logging/logger.js';
import { Metrics } from './metrics/metrics.js';
import { serveMetrics } from './metrics/metrics-server.js';
import { FirstAdmin } from './users/first-admin.js';

/** The message of a worker to the primary process when it accepts requests. */
export interface ReadyMessage {
  type: 'ready';
  url: string;
}

/** Serves requests in this process: the only one, or one of several workers. */
export async function serve(env: Env, logger: Logger): Promise<void> {
  let readMetrics: () => Promise<string> = () => Promise.resolve('');
  if (cluster.isPrimary) {
    if (!env.DATABASE_URI) reserveDataDir(env.DATA_DIR);
    await serveMetrics(env, logger, () => readMetrics());
  }
  const { app } = await prepareService(env, new Clock(), logger);
  await app.listen(env.PORT, env.HOST).catch((error: unknown) => {
    throw listenError(error, 'PORT', env.PORT);
  });
  // at once, as a SIGTERM may close the listener while the first admin is created
  const url = env.PUBLIC_URL ?? (await app.getUrl());
  // only now: a start that fails before must not create an admin whose password is never printed
  await app.get(FirstAdmin).ensure();
  const { registry } = app.get(Metrics);
  readMetrics = () => registry.metrics();
  if (cluster.isPrimary) announce(env, logger, url);
  else {
    // creating an AggregatorRegistry makes this worker answer the primary process, which sums up all metrics
    AggregatorRegistry.setRegistries([registry]);
    new AggregatorRegistry();
    process.send!({ type: 'ready', url } satisfies ReadyMessage);
  }
}
