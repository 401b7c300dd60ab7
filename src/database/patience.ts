import { setTimeout as sleep } from 'node:timers/promises';
import { databaseErrorKind } from './database-errors.js';

/** As long as a restart or failover of the database takes. */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 500;

/** For long work that would have to start over: repeats a part of it while the database is unavailable, up to 20 s. */
export async function retryPatiently<T>(
  work: () => Promise<T>,
  isTemporary = (error: unknown): boolean => databaseErrorKind(error) === 'unavailable',
): Promise<T> {
  const start = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isTemporary(error) || performance.now() - start > PATIENCE_MS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
