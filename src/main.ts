import './config/heap.js';
import cluster from 'node:cluster';
import { loadEnv } from './config/env.js';
import { assertPortIsFree } from './config/ports.js';
import { EXIT_CONFIGURATION, StartError } from './config/start-error.js';
import { openProcessLog } from './logging/process-log.js';

try {
  const warnings: string[] = [];
  const env = loadEnv(warnings);
  const logger = await openProcessLog(env);
  if (cluster.isPrimary) for (const warning of warnings) logger.warn(warning);
  if (cluster.isPrimary) await assertPortIsFree(env);
  if (cluster.isPrimary && env.WEB_CONCURRENCY > 1) {
    const { superviseWorkers } = await import('./workers.js');
    await superviseWorkers(env, logger);
  } else {
    const { serve } = await import('./serve.js');
    await serve(env, logger);
  }
} catch (error) {
  const reason = error instanceof StartError ? error.explanation : (error as Error).message;
  process.stderr.write(`Could not start: ${reason}\n`);
  process.exit(error instanceof StartError && error.isLasting ? EXIT_CONFIGURATION : 1);
}
