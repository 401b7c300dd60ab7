import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LessThan, type Repository } from 'typeorm';
import { errorFields } from '../logging/error-fields.js';
import { dialectOf, toSqlTime } from './dialect.js';

const BATCH_SIZE = 1_000;
const HOUR_MS = 60 * 60 * 1000;
const FAILED = 'Could not delete expired rows; trying again in an hour';

/** Runs hourly jobs, such as deleting expired rows. Jobs have to tolerate other instances that run them too. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Housekeeping');
  private readonly jobs: Array<() => Promise<unknown>> = [];
  private timer?: NodeJS.Timeout;

  /** Runs `job` at start and every hour after: some instances live for less than an hour. */
  hourly(job: () => Promise<unknown>): void {
    this.jobs.push(job);
  }

  onApplicationBootstrap(): void {
    const failed = (error: unknown): void => this.logger.warn({ message: FAILED, ...errorFields(error) });
    const run = (): void => this.jobs.forEach((job) => void job().catch(failed));
    run();
    this.timer = setInterval(run, HOUR_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}

/** In batches: the server aborts a statement that runs for long, and its work would be lost. */
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
