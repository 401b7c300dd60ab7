import type { Env } from '../config/env.js';
import type { Logger } from './logger.js';

/** Prints the URL of the service: to the terminal in development, to the log in production. */
export function announce({ NODE_ENV, DOCS }: Env, logger: Logger, url: string): void {
  if (NODE_ENV === 'production') logger.info({ url }, `Listening on ${url}`);
  else process.stdout.write(`  API:  ${url}\n${DOCS ? `  Docs: ${url}/docs\n` : ''}`);
}
