import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { isConflict } from '../database/database-errors.js';
import { errorFields } from '../logging/error-fields.js';
import { FailureLog } from '../logging/failure-log.js';
import { Metrics } from '../metrics/metrics.js';
import { Problem } from '../problems/problem.js';

const MAX_RETRIES = 3;
/** No retry starts later than this, so that the client has its response within 3 s. */
const RETRY_WINDOW_MS = 1_500;
/** Random, so that the transactions that collided do not collide again. */
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 100;

const GIVEN_UP = {
  message: 'A transaction was given up after conflicts with others',
  fix: 'Look for transactions of other programs that hold locks for long (SHOW ENGINE INNODB STATUS).',
};

/** Thrown inside a transaction that has to start over: another one has changed the row that it read. */
export class VersionRaceError extends Problem {
  constructor() {
    super('overloaded');
  }
}

/** Retries a whole transaction after a deadlock, a lock timeout or a lost race. */
@Injectable()
export class Transactions {
  private readonly failures = new FailureLog('Transactions');

  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
  ) {}

  /** `work` may run several times: it uses only the given manager, and has no effect that a rollback does not undo. */
  async run<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const start = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.dataSource.transaction(work);
      } catch (error) {
        const isLast = attempt === MAX_RETRIES || performance.now() - start > RETRY_WINDOW_MS;
        if (isLast && isConflict(error)) this.failures.report('conflict', { ...GIVEN_UP, ...errorFields(error) });
        if (isLast || !(error instanceof VersionRaceError || isConflict(error))) throw error;
        this.metrics.retries.inc();
        await sleep(MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS));
      }
    }
  }
}
