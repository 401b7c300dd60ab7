import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { startDeadline } from '../database/deadline.js';
import { DirectQueries } from '../database/direct-queries.js';
import { Draining } from '../http/draining.js';
import { FailureLog } from '../logging/failure-log.js';
import { Problem } from '../problems/problem.js';
import type { HealthDto } from './health.dto.js';

/** Below the usual timeouts of load balancers, so that they get a response even when the database hangs. */
const TIMEOUT_MS = 1_000;
const LATE = {
  message: `The database did not answer the readiness check within ${TIMEOUT_MS} ms`,
  fix: 'Look at the load of the database server, and at crm_database_pool_waiting of this process.',
};

/** Tells whether this instance should receive requests. */
@Injectable()
export class HealthService {
  private readonly failures = new FailureLog('Health');
  private readonly newestMigration: string;
  private running?: Promise<boolean>;

  constructor(
    dataSource: DataSource,
    private readonly sql: DirectQueries,
    private readonly draining: Draining,
  ) {
    this.newestMigration = dataSource.migrations.at(-1)!.constructor.name;
  }

  async check(): Promise<HealthDto> {
    if (this.draining.isDraining) throw new Problem('shutting_down');
    // public and not rate-limited: concurrent checks share one query
    this.running ??= this.isMigrated().finally(() => (this.running = undefined));
    if (!(await this.running)) throw new Problem('migrations_pending');
    return { status: 'ok' };
  }

  private async isMigrated(): Promise<boolean> {
    const rows = await new Promise<unknown[]>((resolve, reject) => {
      const fail = (): void => reject(new Problem('database_unavailable'));
      const answered = startDeadline(TIMEOUT_MS, () => {
        this.failures.report('timeout', LATE);
        fail();
      });
      void this.sql
        .query('SELECT 1 FROM migrations WHERE name = ?', [this.newestMigration])
        .then(resolve, fail)
        .finally(answered);
    });
    return rows.length > 0;
  }
}
