import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

/** Says where the service is: on the terminal of whoever started it, or to whoever collects the log. */
export function announce({ NODE_ENV, DOCS }: Env, logger: Logger, url: string): void {
  if (NODE_ENV === 'production') logger.info({ url }, `Listening, as ${url}`);
  else process.stdout.write(`  API:  ${url}\n${DOCS ? `  Docs: ${url}/docs\n` : ''}`);
}
