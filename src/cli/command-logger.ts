import type { LoggerService } from '@nestjs/common';

/** They tell of the error that ends the command, which says so itself. */
const FATAL_CONTEXTS = new Set(['ExceptionHandler', 'TypeOrmModule']);

/** Results belong to stdout; what the service's own code warns of goes beside them. */
export class CommandLogger implements LoggerService {
  log(): void {}

  warn(message: unknown, ...rest: unknown[]): void {
    this.say(message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.say(message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.say(message, rest);
  }

  private say(message: unknown, rest: unknown[]): void {
    const context = String(rest.at(-1));
    if (FATAL_CONTEXTS.has(context)) return;
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    process.stderr.write(`[${context}] ${text}\n`);
  }
}
