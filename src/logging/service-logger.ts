import type { LoggerService } from '@nestjs/common';
import { StartError } from '../config/start-error.js';
import { errorFields } from './error-fields.js';
import type { Logger } from './logger.js';

/** Nest logs every module and route at start, which helps only to debug the start itself. */
const VERBOSE_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Writes the messages of Nest and of our classes to the log, with the name of the class as `logger`. */
export class ServiceLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log = (message: unknown, ...rest: unknown[]): void =>
    this.write(VERBOSE_CONTEXTS.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  debug = (message: unknown, ...rest: unknown[]): void => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]): void => this.write('debug', message, rest);
  warn = (message: unknown, ...rest: unknown[]): void => this.write('warn', message, rest);
  error = (message: unknown, ...rest: unknown[]): void => this.write('error', message, rest);
  fatal = (message: unknown, ...rest: unknown[]): void => this.write('fatal', message, rest);

  /** Nest passes the name last, after the stack if there is one. */
  private write(level: Level, message: unknown, rest: unknown[]): void {
    // `main` prints it
    if (message instanceof StartError) return;
    const name = rest.at(-1);
    const stack = rest.find((part) => typeof part === 'string' && /^\s+at /m.test(part));
    const fields = { logger: typeof name === 'string' && name !== stack ? name : undefined, stack_trace: stack };
    if (message instanceof Error) this.logger[level]({ ...fields, ...errorFields(message) }, message.name);
    else if (typeof message === 'object') this.logger[level]({ ...fields, ...message });
    else this.logger[level](fields, message as string);
  }
}
