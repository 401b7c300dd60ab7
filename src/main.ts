import cluster from 'node:cluster';
import { ConfigurationError, EXIT_CONFIGURATION, loadEnv } from './config/env.js';
import { assertPortIsFree } from './config/ports.js';
import { openProcessLog } from './logging/process-log.js';

try {
  const env = loadEnv();
  const logger = await openProcessLog(env);
  if (cluster.isPrimary) await assertPortIsFree(env);
  if (cluster.isPrimary && env.WEB_CONCURRENCY > 1) {
    const { superviseWorkers } = await import('./workers.js');
    await superviseWorkers(env, logger);
  } else {
    const { serve } = await import('./serve.js');
    await serve(env, logger);
  }
} catch (error) {
  // Nest has already logged the details
  process.stderr.write(`Could not start: ${(error as Error).message}\n`);
  process.exit(error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1);
}
