import { Global, Module } from '@nestjs/common';
import { Metrics } from './metrics.js';
import { PoolMetrics } from './pool-metrics.js';

/** What the service counts of itself. */
@Global()
@Module({ providers: [Metrics, PoolMetrics], exports: [Metrics] })
export class MetricsModule {}
