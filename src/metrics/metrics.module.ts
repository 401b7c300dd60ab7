import { Global, Module } from '@nestjs/common';
import { Metrics } from './metrics.js';
import { PoolMetrics } from './pool-metrics.js';

/** Prometheus metrics of the service. */
@Global()
@Module({ providers: [Metrics, PoolMetrics], exports: [Metrics] })
export class MetricsModule {}
