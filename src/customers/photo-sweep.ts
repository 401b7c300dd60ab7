import { Injectable, Logger } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import { Clock } from '../config/clock.js';
import { padded } from '../database/batched-reads.js';
import { Housekeeping } from '../database/housekeeping.js';
import { claimOnce } from '../database/locks.js';
import { keyOf, PREFIX } from '../photos/photo-keys.js';
import { ObjectStore } from '../storage/object-store.js';
import { Customer } from './customer.entity.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than any upload takes: the row of a younger object may not be committed yet. */
const GRACE_MS = 60 * 60 * 1000;
const BATCH_SIZE = 500;

export interface SweepResult {
  found: number;
  removed: number;
}

/**
 * Deletes photos that no row names: a crash between storing an object and committing its row leaves them behind. A key
 * that no row names after the grace period is never named later, so that sweeps may run in parallel, and alongside
 * uploads.
 */
@Injectable()
export class PhotoSweep {
  private readonly logger = new Logger('PhotoSweep');

  constructor(
    private readonly dataSource: DataSource,
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    housekeeping: Housekeeping,
  ) {
    housekeeping.hourly(() => this.daily());
  }

  /** Sweeps once a day, on the first instance that claims the day. */
  async daily(): Promise<void> {
    const today = Math.floor(this.clock.now().getTime() / DAY_MS);
    if (await claimOnce(this.dataSource.manager, 'photo_sweep', today)) await this.sweep();
  }

  async sweep(): Promise<SweepResult> {
    const result = { found: 0, removed: 0 };
    const storedBefore = this.clock.now().getTime() - GRACE_MS;
    let batch: string[] = [];
    for await (const { key: object, storedAt } of this.store.list(PREFIX)) {
      result.found++;
      if (storedAt.getTime() < storedBefore) batch.push(object);
      if (batch.length < BATCH_SIZE) continue;
      result.removed += await this.removeUnnamed(batch);
      batch = [];
    }
    result.removed += await this.removeUnnamed(batch);
    if (result.removed > 0) this.logger.log({ message: 'Removed photos without a customer', ...result });
    return result;
  }

  /** Removes the objects whose key no row names, including objects without a valid key; returns their number. */
  private async removeUnnamed(objects: string[]): Promise<number> {
    if (objects.length === 0) return 0;
    const keys = objects.map((object) => keyOf(object.slice(PREFIX.length)));
    const rows = await this.dataSource.manager.find(Customer, {
      select: { photoKey: true },
      where: { photoKey: In(padded(keys.filter((key) => key !== undefined))) },
    });
    const named = new Set<string | null | undefined>(rows.map(({ photoKey }) => photoKey));
    const unnamed = objects.filter((_, index) => !named.has(keys[index]));
    for (const object of unnamed) await this.store.remove(object);
    return unnamed.length;
  }
}
