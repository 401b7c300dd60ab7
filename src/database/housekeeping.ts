import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';

const HOUR_MS = 60 * 60 * 1000;

/** Deletes what has expired, every hour. Several instances may do so at once: the second finds nothing. */
@Injectable()
export class Housekeeping implements OnApplicationShutdown {
  private readonly logger = new Logger('Housekeeping');
  private readonly timers: NodeJS.Timeout[] = [];

  hourly(work: () => Promise<unknown>): void {
    const run = (): void =>
      void work().catch(() => this.logger.warn('Could not delete what has expired; trying again in an hour'));
    this.timers.push(setInterval(run, HOUR_MS).unref());
  }

  onApplicationShutdown(): void {
    this.timers.forEach(clearInterval);
  }
}
