import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LessThan, type Repository } from 'typeorm';
import { dialectOf, toSqlTime } from './dialect.js';

const BATCH_SIZE = 1_000;
const HOUR_MS = 60 * 60 * 1000;
const FAILED = 'Could not delete what has expired; trying again in an hour';

/** Deletes what has expired, every hour. Several instances may do so at once: the second finds nothing. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Housekeeping');
  private readonly jobs: Array<() => Promise<unknown>> = [];
  private timer?: NodeJS.Timeout;

  /** At once and every hour; instances that live for less would otherwise never come to it. */
  hourly(work: () => Promise<unknown>): void {
    this.jobs.push(work);
  }

  onApplicationBootstrap(): void {
    const run = (): void => this.jobs.forEach((work) => void work().catch(() => this.logger.warn(FAILED)));
    run();
    this.timer = setInterval(run, HOUR_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}

/** In portions, one after another: a server ends a statement that takes long, and this one would not get anywhere. */
export async function deleteExpired(repository: Repository<{ expiresAt: Date }>, now: Date): Promise<void> {
  const { connection: dataSource, tablePath } = repository.metadata;
  if (dialectOf(dataSource) === 'sqlite') {
    await repository.delete({ expiresAt: LessThan(now) });
    return;
  }
  const sql = `DELETE FROM ${tablePath} WHERE expires_at < ? LIMIT ${BATCH_SIZE}`;
  let deleted = BATCH_SIZE;
  while (deleted === BATCH_SIZE)
    deleted = (await repository.query<{ affectedRows: number }>(sql, [toSqlTime(now)])).affectedRows;
}
