import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Env } from '../config/env.js';
import { DatabasePool } from '../database/database-pool.js';
import { dialectOf } from '../database/dialect.js';
import { Metrics } from './metrics.js';

/** The state of the connection pool. The embedded database has none. */
@Injectable()
export class PoolMetrics {
  constructor(metrics: Metrics, dataSource: DataSource, env: Env) {
    if (env.METRICS_PORT === undefined || dialectOf(dataSource) === 'sqlite') return;
    const pool = DatabasePool.of(dataSource);
    registerPoolGauges(metrics, () => pool.connections);
    pool.onAcquired = (seconds) => metrics.poolWait.observe(seconds);
  }
}

export function registerPoolGauges(metrics: Metrics, read: () => DatabasePool['connections']): void {
  const name = 'crm_database_pool';
  metrics.gauge(`${name}_in_use`, 'Connections in use', () => read().inUse);
  metrics.gauge(`${name}_idle`, 'Idle connections', () => read().idle);
  metrics.gauge(`${name}_waiting`, 'Requests that wait for a connection', () => read().queued);
}
