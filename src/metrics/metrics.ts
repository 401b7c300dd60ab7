import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** In seconds: from a point read to the longest time that clients wait. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Prometheus computes no increase from the first value of a series, so those of alerts exist from the start. */
const ALERTED_PROBLEMS = [
  'internal_error',
  'database_unavailable',
  'storage_bucket_missing',
  'storage_forbidden',
  'storage_full',
  'storage_unavailable',
];

/**
 * The metrics of the service. Labels take few values, and none that a client can choose: every combination is a separate
 * time series.
 */
@Injectable()
export class Metrics {
  /** Not the global registry, as tests run several services in one process. */
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its response. Status 499: the client disconnected first',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: this.registers,
  });
  readonly problems = new Counter({
    name: 'crm_problems_total',
    help: 'Problem responses by code',
    labelNames: ['code'],
    registers: this.registers,
  });
  readonly shed = new Counter({
    name: 'crm_requests_shed_total',
    help: 'Requests refused with 503 because the service was overloaded',
    registers: this.registers,
  });
  readonly signIns = new Counter({
    name: 'crm_sign_ins_total',
    help: 'Sign-in and refresh attempts by outcome: "success", "aborted" or the code of the problem',
    labelNames: ['method', 'outcome'],
    registers: this.registers,
  });
  readonly retries = new Counter({
    name: 'crm_transaction_retries_total',
    help: 'Transactions retried after a conflict with another transaction',
    registers: this.registers,
  });
  readonly poolWait = new Histogram({
    name: 'crm_database_pool_wait_seconds',
    help: 'Time that requests waited for a database connection',
    buckets: [0.001, ...BUCKETS],
    registers: this.registers,
  });

  constructor() {
    for (const code of ALERTED_PROBLEMS) this.problems.inc({ code }, 0);
  }

  /** Registers a gauge whose value is read at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: this.registers,
      collect() {
        this.set(read());
      },
    });
  }

  countProblem(code: string): void {
    this.problems.inc({ code });
    if (code === 'overloaded') this.shed.inc();
  }

  /** Adds metrics of the process: CPU, memory, event loop, garbage collection. Sampling them has a small constant cost. */
  collectProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
  }
}
