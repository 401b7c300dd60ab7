import { Logger } from '@nestjs/common';

const INTERVAL_MS = 60_000;

type Fields = { message: string } & Record<string, unknown>;

/**
 * Logs why something that the service depends on fails: at once when a failure first occurs, and then once a minute how often
 * it was repeated. An outage fails every request, and the log would contain little else.
 */
export class FailureLog {
  private readonly logger: Logger;
  private readonly repetitions = new Map<string, number>();

  constructor(
    context: string,
    private readonly level: 'warn' | 'error' = 'warn',
  ) {
    this.logger = new Logger(context);
  }

  /** Failures of the same `kind` are repetitions. Kinds are few: none contains what a client can choose. */
  report(kind: string, fields: Fields): void {
    const count = this.repetitions.get(kind);
    if (count === undefined) this.write(kind, fields);
    else this.repetitions.set(kind, count + 1);
  }

  private write(kind: string, fields: Fields): void {
    this.logger[this.level](fields);
    this.repetitions.set(kind, 0);
    setTimeout(() => {
      const repeated = this.repetitions.get(kind)!;
      this.repetitions.delete(kind);
      if (repeated > 0) this.write(kind, { ...fields, repeated });
    }, INTERVAL_MS).unref();
  }
}
