import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. From a point read to what a client no longer waits for. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * What the service counts, by the names that Prometheus sees. Labels take few values, and none that a client can make up:
 * every combination is a series of its own.
 */
@Injectable()
export class Metrics {
  /** Its own, as there may be several services in one process. */
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer; status 499: the client has gone before',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: this.registers,
  });
  readonly problems = new Counter({
    name: 'crm_problems_total',
    help: 'Answers that are problem documents, by their code',
    labelNames: ['code'],
    registers: this.registers,
  });
  readonly shed = new Counter({
    name: 'crm_requests_shed_total',
    help: 'Requests refused with 503, as there was too much to do',
    registers: this.registers,
  });
  readonly signIns = new Counter({
    name: 'crm_sign_ins_total',
    help: 'Attempts to sign in or to stay so: "success", or the code of the problem',
    labelNames: ['method', 'outcome'],
    registers: this.registers,
  });
  readonly retries = new Counter({
    name: 'crm_transaction_retries_total',
    help: 'Transactions that started over, as they had lost to another',
    registers: this.registers,
  });
  readonly poolWait = new Histogram({
    name: 'crm_database_pool_wait_seconds',
    help: 'How long requests waited for a connection',
    buckets: [0.001, ...BUCKETS],
    registers: this.registers,
  });

  /** Read when somebody asks for it. */
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

  problem(code: string): void {
    this.problems.inc({ code });
    if (code === 'overloaded') this.shed.inc();
  }

  /** Of the process: CPU, memory, event loop, garbage collection. It watches all the time, which costs a little. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }
}
