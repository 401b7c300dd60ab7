import cluster, { type Worker } from 'node:cluster';
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { type Env, EXIT_CONFIGURATION } from './config/env.js';
import { announce } from './logging/announce.js';
import type { Logger } from './logging/logger.js';
import { serveMetrics } from './metrics/metrics-server.js';
import type { Ready } from './serve.js';

/** Whoever has lived for less has died early: the next one waits twice as long. */
const CRASH_LOOP_MS = 60_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** npm passes on what the terminal has sent to everybody already: so soon it is the same signal. */
const DUPLICATE_SIGNAL_MS = 1_000;

/** Several processes share the port; this one serves nothing, and sees to it that they live. */
export async function superviseWorkers(env: Env, logger: Logger): Promise<void> {
  const workers = new WorkerSupervisor(env.WEB_CONCURRENCY, logger);
  const url = await workers.start();
  await serveMetrics(env, logger, () => workers.metrics());
  announce(env, logger, url);
}

class WorkerSupervisor {
  private readonly started = new Map<number, number>();
  private readonly ready = new Set<number>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly registry = new Registry();
  private readonly all = new AggregatorRegistry();
  private readonly replaced: Counter;
  private earlyDeaths = 0;
  private isUp = false;
  private isEnding = false;
  private endingSince = 0;
  private exitCode = 0;

  constructor(
    private readonly count: number,
    private readonly logger: Logger,
  ) {
    const registers = [this.registry];
    const { ready } = this;
    new Gauge({
      name: 'crm_workers',
      help: 'Processes that answer requests',
      registers,
      collect() {
        this.set(ready.size);
      },
    });
    const help = 'Processes that ended by themselves, and in whose place another was started';
    this.replaced = new Counter({ name: 'crm_workers_replaced_total', help, registers });
  }

  /** The first one alone: it migrates the database and makes the first admin, or shows that it cannot start. */
  async start(): Promise<string> {
    cluster.on('exit', (worker, code, signal) => this.exited(worker, code, signal));
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => this.signalled());
    const url = await new Promise<string>((resolve) => this.fork(resolve));
    this.isUp = true;
    if (!this.isEnding) for (let n = 1; n < this.count; n++) this.fork();
    return url;
  }

  async metrics(): Promise<string> {
    return (await Promise.all([this.all.clusterMetrics(), this.registry.metrics()])).join('\n');
  }

  private fork(isReady?: (url: string) => void): void {
    const worker = cluster.fork();
    this.started.set(worker.id, performance.now());
    worker.on('message', ({ type, url }: Partial<Ready>) => {
      if (type !== 'ready') return;
      this.ready.add(worker.id);
      isReady?.(url!);
    });
  }

  private exited({ id, process: { pid } }: Worker, code: number | null, signal: string | null): void {
    const lived = performance.now() - this.started.get(id)!;
    this.started.delete(id);
    this.ready.delete(id);
    if (this.isEnding) {
      if (this.started.size === 0) process.exit(this.exitCode);
    } else if (!this.isUp || code === EXIT_CONFIGURATION) {
      // starting again will not help; why, the worker has said
      this.exitCode = code || 1;
      this.end();
    } else this.replace({ pid, code, signal }, lived);
  }

  private replace(ended: object, livedMs: number): void {
    this.earlyDeaths = livedMs < CRASH_LOOP_MS ? this.earlyDeaths + 1 : 0;
    const delay = Math.min(FIRST_DELAY_MS * 2 ** this.earlyDeaths, MAX_DELAY_MS);
    this.logger.error(ended, `A worker ended; another takes its place in ${delay / 1000} s`);
    this.replaced.inc();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.fork();
    }, delay);
    this.timers.add(timer);
  }

  private signalled(): void {
    if (!this.isEnding) return this.end();
    if (performance.now() - this.endingSince < DUPLICATE_SIGNAL_MS) return;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
    process.exit(1);
  }

  /** Workers end when they have answered what they were asked. */
  private end(): void {
    this.isEnding = true;
    this.endingSince = performance.now();
    for (const timer of this.timers) clearTimeout(timer);
    if (this.started.size === 0) process.exit(this.exitCode);
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  }
}
