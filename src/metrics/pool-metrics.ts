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
    const name = 'crm_database_pool';
    metrics.gauge(`${name}_in_use`, 'Connections in use', () => pool.connections.inUse);
    metrics.gauge(`${name}_idle`, 'Idle connections', () => pool.connections.idle);
    metrics.gauge(`${name}_waiting`, 'Requests that wait for a connection', () => pool.connections.queued);
    pool.onAcquired = (seconds) => metrics.poolWait.observe(seconds);
  }
}
