import cluster, { type Worker } from 'node:cluster';
import { AggregatorRegistry, type Counter, Registry } from 'prom-client';
import type { Env } from './config/env.js';
import { EXIT_CONFIGURATION } from './config/start-error.js';
import { announce } from './logging/announce.js';
import type { Logger } from './logging/logger.js';
import { serveMetrics } from './metrics/metrics-server.js';
import { registerWorkerMetrics } from './metrics/worker-metrics.js';
import type { ReadyMessage } from './serve.js';

/** A worker that exits sooner counts as a crash loop; its restart delay doubles. */
const CRASH_LOOP_MS = 60_000;
const MIN_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 30_000;
/** npm forwards the terminal's signal; ignore a duplicate within 1 s. */
const DUPLICATE_SIGNAL_MS = 1_000;

/** Starts workers that share the port, and restarts those that exit. This process serves no requests itself. */
export async function superviseWorkers(env: Env, logger: Logger): Promise<void> {
  const supervisor = new WorkerSupervisor(env.WEB_CONCURRENCY, logger);
  // before any worker starts: a port that is taken must not end workers that serve
  await serveMetrics(env, logger, () => supervisor.metrics());
  const url = await supervisor.start();
  announce(env, logger, url);
}

class WorkerSupervisor {
  /** When each running worker was started, by its id. */
  private readonly startTimes = new Map<number, number>();
  private readonly ready = new Set<number>();
  private readonly restartTimers = new Set<NodeJS.Timeout>();
  private readonly registry = new Registry();
  private readonly workerMetrics = new AggregatorRegistry();
  private readonly restarts: Counter;
  private consecutiveCrashes = 0;
  private hasStarted = false;
  private isStopping = false;
  private stopStart = 0;
  private exitCode = 0;

  constructor(
    private readonly count: number,
    private readonly logger: Logger,
  ) {
    this.restarts = registerWorkerMetrics(this.registry, () => this.ready.size);
  }

  /** Starts one worker first, which migrates the database and creates the first admin; the others only if that succeeds. */
  async start(): Promise<string> {
    cluster.on('exit', (worker, code, signal) => this.onExit(worker, code, signal));
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => this.onSignal(signal));
    const url = await new Promise<string>((resolve) => this.fork(resolve));
    this.hasStarted = true;
    if (!this.isStopping) for (let n = 1; n < this.count; n++) this.fork();
    return url;
  }

  async metrics(): Promise<string> {
    return (await Promise.all([this.workerMetrics.clusterMetrics(), this.registry.metrics()])).join('\n');
  }

  private fork(isReady?: (url: string) => void): void {
    const worker = cluster.fork();
    this.startTimes.set(worker.id, performance.now());
    worker.on('message', ({ type, url }: Partial<ReadyMessage>) => {
      if (type !== 'ready') return;
      this.ready.add(worker.id);
      isReady?.(url!);
    });
  }

  private onExit({ id, process: { pid } }: Worker, code: number | null, signal: string | null): void {
    const uptimeMs = performance.now() - this.startTimes.get(id)!;
    this.startTimes.delete(id);
    this.ready.delete(id);
    if (this.isStopping) {
      if (this.startTimes.size === 0) this.exit();
    } else if (!this.hasStarted || code === EXIT_CONFIGURATION) {
      // restarting would not help; the worker has logged the reason
      this.exitCode = code || 1;
      this.stop('A worker cannot start: stopping');
    } else this.restart({ pid, code, signal }, uptimeMs);
  }

  private restart(exit: object, uptimeMs: number): void {
    this.consecutiveCrashes = uptimeMs < CRASH_LOOP_MS ? this.consecutiveCrashes + 1 : 0;
    const delay = Math.min(MIN_RESTART_DELAY_MS * 2 ** this.consecutiveCrashes, MAX_RESTART_DELAY_MS);
    this.logger.error(exit, `Worker exited; restarting in ${delay / 1000} s`);
    this.restarts.inc();
    const timer = setTimeout(() => {
      this.restartTimers.delete(timer);
      this.fork();
    }, delay);
    this.restartTimers.add(timer);
  }

  private onSignal(signal: string): void {
    if (!this.isStopping) return this.stop(`Received ${signal}: stopping ${this.startTimes.size} workers`);
    if (performance.now() - this.stopStart < DUPLICATE_SIGNAL_MS) return;
    this.logger.warn(`Stopped at once: received another ${signal}`);
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
    process.exit(1);
  }

  /** Workers exit once their requests in progress are complete. */
  private stop(reason: string): void {
    this.logger.info(reason);
    this.isStopping = true;
    this.stopStart = performance.now();
    for (const timer of this.restartTimers) clearTimeout(timer);
    if (this.startTimes.size === 0) this.exit();
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  }

  private exit(): void {
    this.logger.info('Stopped: all workers have exited');
    process.exit(this.exitCode);
  }
}
