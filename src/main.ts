import cluster from 'node:cluster';
import { ConfigurationError, EXIT_CONFIGURATION, loadEnv } from './config/env.js';
import { assertPortIsFree } from './config/ports.js';
import { EmailCollisionError } from './database/email-collisions.js';
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
  process.stderr.write(`Could not start: ${(error as Error).message}\n`);
  if (error instanceof EmailCollisionError) process.stderr.write(`Nothing was changed. Fix: ${error.fix}\n`);
  // restarting does not help
  const isLasting = error instanceof ConfigurationError || error instanceof EmailCollisionError;
  process.exit(isLasting ? EXIT_CONFIGURATION : 1);
}
