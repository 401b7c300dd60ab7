import { Counter, Gauge, type Registry } from 'prom-client';

/** Of the primary process, with several workers. Returns the counter of restarts. */
export function registerWorkerMetrics(registry: Registry, countReady: () => number): Counter {
  const registers = [registry];
  new Gauge({
    name: 'crm_workers',
    help: 'Worker processes that accept requests',
    registers,
    collect() {
      this.set(countReady());
    },
  });
  const help = 'Worker processes that exited unexpectedly and were restarted';
  return new Counter({ name: 'crm_workers_replaced_total', help, registers });
}
