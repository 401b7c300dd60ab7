import type { LoggerService } from '@nestjs/common';

/** These contexts log the error that ends the command, which the command prints itself. */
const FATAL_CONTEXTS = new Set(['ExceptionHandler', 'TypeOrmModule']);

/** Writes warnings and errors of the service's code to stderr; stdout is for results. */
export class CommandLogger implements LoggerService {
  log(): void {}

  warn(message: unknown, ...rest: unknown[]): void {
    this.print(message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.print(message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.print(message, rest);
  }

  private print(message: unknown, rest: unknown[]): void {
    const context = String(rest.at(-1));
    if (FATAL_CONTEXTS.has(context)) return;
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    process.stderr.write(`[${context}] ${text}\n`);
  }
}
