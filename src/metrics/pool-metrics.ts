import { Injectable } from '@nestjs/common';
import type { Pool } from 'mysql2';
import { DataSource } from 'typeorm';
import { Env } from '../config/env.js';
import { Metrics } from './metrics.js';

/** mysql2 tells of its connections only when they change hands: how many there are stands in its own queues. */
interface Queues {
  _allConnections: { length: number };
  _freeConnections: { length: number };
  _connectionQueue: { length: number };
}

/** What the pool of connections is doing. The embedded database has none. */
@Injectable()
export class PoolMetrics {
  constructor(metrics: Metrics, { driver }: DataSource, env: Env) {
    const { pool } = driver as unknown as { pool?: Pool & Queues };
    if (!pool || env.METRICS_PORT === undefined) return;
    const { _allConnections: all, _freeConnections: idle, _connectionQueue: waiting } = pool;
    const name = 'crm_database_pool';
    metrics.gauge(`${name}_in_use`, 'Connections that work for somebody', () => all.length - idle.length);
    metrics.gauge(`${name}_idle`, 'Connections that work for nobody', () => idle.length);
    metrics.gauge(`${name}_waiting`, 'Those who wait for a connection', () => waiting.length);
    const acquire = pool.getConnection.bind(pool);
    pool.getConnection = (done) => {
      const end = metrics.poolWait.startTimer();
      acquire((...answer) => {
        end();
        done(...answer);
      });
    };
  }
}
