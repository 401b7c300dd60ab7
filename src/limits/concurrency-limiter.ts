import { Problem } from '../problems/problem.js';

/** Limits concurrent work. Further work is queued, and refused as `overloaded` when the queue is full. */
export class ConcurrencyLimiter {
  private running = 0;
  private readonly queue: Array<() => void> = [];

  constructor(
    private readonly concurrency: number,
    private readonly maxQueued: number,
  ) {}

  get queued(): number {
    return this.queue.length;
  }

  get active(): number {
    return this.running;
  }

  get isIdle(): boolean {
    return this.running === 0;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running === this.concurrency) {
      if (this.queue.length === this.maxQueued) throw new Problem('overloaded');
      // Finished work passes its slot on, so `running` stays the same.
      await new Promise<void>((resolve) => this.queue.push(resolve));
    } else this.running++;
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.running--;
    }
  }
}
