import type { Env } from '../config/env.js';
import { VERSION } from '../config/version.js';
import type { Logger } from './logger.js';

/** Prints where the service is: to the log in production, otherwise to the terminal, with what to do next. */
export function announce({ NODE_ENV, DOCS, HOST, PORT }: Env, logger: Logger, url: string): void {
  const listening = { url, host: HOST, port: PORT, version: VERSION, node: process.version };
  if (NODE_ENV === 'production') logger.info(listening, `Listening on ${url}`);
  else {
    const docs = DOCS ? `  Docs:         ${url}/docs\n` : '';
    process.stdout.write(`  API:          ${url}\n${docs}  Sample data:  npm run crm -- seed\n`);
  }
}
