import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import type { Env } from '../config/env.js';

const LEVELS: LogLevel[] = ['debug', 'log', 'warn', 'error', 'fatal'];
/** Nest tells of every module and route that it starts: worth reading only when something is wrong with them. */
const CHATTER = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** One JSON object per line in production; readable otherwise. */
export class ServiceLogger extends ConsoleLogger {
  constructor({ LOG_LEVEL, NODE_ENV }: Env) {
    const lowest = LEVELS.indexOf(LOG_LEVEL === 'info' ? 'log' : LOG_LEVEL);
    super({ logLevels: LEVELS.slice(lowest), json: NODE_ENV === 'production' });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!CHATTER.has(String(rest.at(-1))) || this.isLevelEnabled('debug')) super.log(message, ...(rest as string[]));
  }
}
