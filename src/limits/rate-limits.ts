import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, Repository } from 'typeorm';
import { Clock } from '../config/clock.js';
import { onDuplicate } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { deleteExpired, Housekeeping } from '../database/housekeeping.js';
import { RateLimit } from './rate-limit.entity.js';

/** Storage of the counters: the database, so that limits apply across instances and workers. */
@Injectable()
export class RateLimits {
  readonly onDuplicate: string;

  constructor(
    dataSource: DataSource,
    @InjectRepository(RateLimit) counts: Repository<RateLimit>,
    readonly sql: DirectQueries,
    readonly clock: Clock,
    housekeeping: Housekeeping,
  ) {
    this.onDuplicate = onDuplicate(dataSource, 'name');
    housekeeping.hourly(() => deleteExpired(counts, clock.now()));
  }
}
