import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { errorFields } from '../logging/error-fields.js';
import { FailureLog } from '../logging/failure-log.js';
import type { SearchIndex } from './search-index.js';

export type StaleIndex = Pick<SearchIndex<never>, 'name' | 'countStale' | 'indexStaleRows'>;

/** How long a search may miss what an earlier release or the Flask service has written. */
const INTERVAL_MS = 15_000;
const PROGRESS_MS = 5_000;
const FAILED = 'Could not index changed rows for search; trying again';

/**
 * Indexes the rows that the Flask service or an earlier release has written, in batches with a transaction each: what is
 * interrupted goes on where it was. Runs after the migrations, and then regularly, as the two may write at any time
 * during an upgrade.
 */
async function indexStaleRows(index: StaleIndex, report: (line: string) => void): Promise<void> {
  const total = await index.countStale();
  if (total === 0) return;
  let indexed = 0;
  let reportedAt = performance.now();
  report(`Indexing ${total} rows of ${index.name} for search`);
  for (let batch = await index.indexStaleRows(0); batch.count > 0; batch = await index.indexStaleRows(batch.lastId)) {
    indexed += batch.count;
    if (performance.now() - reportedAt < PROGRESS_MS) continue;
    reportedAt = performance.now();
    report(`Indexed ${indexed} of ${total} rows of ${index.name}`);
  }
  report(`Indexed ${indexed} rows of ${index.name} for search`);
}

export async function indexAllStaleRows(indexes: StaleIndex[], report: (line: string) => void): Promise<void> {
  for (const index of indexes) await indexStaleRows(index, report);
}

/** Looks for stale rows while the service runs. */
@Injectable()
export class StaleRows implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Search');
  private readonly failures = new FailureLog('Search');
  private readonly indexes: StaleIndex[] = [];
  private timer?: NodeJS.Timeout;

  watch(index: StaleIndex): void {
    this.indexes.push(index);
  }

  indexAll(): Promise<void> {
    return indexAllStaleRows(this.indexes, (line) => this.logger.log(line));
  }

  onApplicationBootstrap(): void {
    const run = (): void =>
      void this.indexAll().catch((error: unknown) =>
        this.failures.report('index', { message: FAILED, ...errorFields(error) }),
      );
    this.timer = setInterval(run, INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}
