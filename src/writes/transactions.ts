import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { isConflict } from '../database/database-errors.js';
import { Metrics } from '../metrics/metrics.js';
import { Problem } from '../problems/problem.js';

const MAX_RETRIES = 3;
/** After so long there is no other try: the client gets its answer within three seconds. */
const RETRY_WINDOW_MS = 1_500;

/** Thrown inside a transaction that has to start over: what it read has been changed by another. */
export class VersionRaceError extends Problem {
  constructor() {
    super('overloaded');
  }
}

/** Transactions that are tried again as a whole when they lose to another. */
@Injectable()
export class Transactions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
  ) {}

  /** `work` may run several times; it uses the given manager alone, and does nothing that cannot be rolled back. */
  async run<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const start = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.dataSource.transaction(work);
      } catch (error) {
        const isLast = attempt === MAX_RETRIES || performance.now() - start > RETRY_WINDOW_MS;
        if (isLast || !(error instanceof VersionRaceError || isConflict(error))) throw error;
        this.metrics.retries.inc();
        // apart, or they meet again
        await sleep(10 + Math.random() * 90);
      }
    }
  }
}
