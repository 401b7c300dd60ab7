import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import { Draining } from '../http/draining.js';
import { Problem } from '../problems/problem.js';
import type { HealthDto } from './health.dto.js';

/** Sooner than the checks of load balancers give up, also when the database is frozen. */
const ANSWER_MS = 1_000;

/** Whether this instance should get requests. */
@Injectable()
export class HealthService {
  private readonly newest: string;
  private asking?: Promise<boolean>;

  constructor(
    dataSource: DataSource,
    private readonly sql: DirectQueries,
    private readonly draining: Draining,
  ) {
    this.newest = dataSource.migrations.at(-1)!.constructor.name;
  }

  async check(): Promise<HealthDto> {
    if (this.draining.isDraining) throw new Problem('shutting_down');
    // everybody may ask, and as often as they like: they share one question
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    if (!(await this.asking)) throw new Problem('migrations_pending');
    return { status: 'ok' };
  }

  private async ask(): Promise<boolean> {
    const late = sleep(ANSWER_MS, undefined, { ref: false }).then(() => {
      throw new Problem('database_unavailable');
    });
    const rows = this.sql.query('SELECT 1 FROM migrations WHERE name = ?', [this.newest]).catch(() => {
      throw new Problem('database_unavailable');
    });
    return (await Promise.race([rows, late])).length > 0;
  }
}
