import { readFileSync } from 'node:fs';

/**
 * Memory of a process in bytes, of pages that processes share only its part, so that those of several can be added up; 0 if
 * it has exited.
 */
export function memoryOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Bytes that a process and its children take at most while `work` runs. */
export async function peakOf<T>(pid: number, work: () => Promise<T>): Promise<{ peak: number; result: T }> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(
      peak,
      [pid, ...childrenOf(pid)].reduce((sum, one) => sum + memoryOf(one), 0),
    );
  }, 10);
  const result = await work().finally(() => clearInterval(watch));
  return { peak, result };
}
