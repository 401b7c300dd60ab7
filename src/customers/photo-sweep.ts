import { Injectable, Logger } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Housekeeping } from '../database/housekeeping.js';
import { claimOnce } from '../database/locks.js';
import { keyOf, PREFIX } from '../photos/photo-keys.js';
import { ObjectStore } from '../storage/object-store.js';
import { Customer } from './customer.entity.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than any upload takes: an object that is younger may be about to be named. */
const GRACE_MS = 60 * 60 * 1000;
const BATCH = 500;

export interface SweepResult {
  found: number;
  removed: number;
}

/**
 * Removes photos that no row names: what a crash left behind between the object and its row. A key that is not named an
 * hour after its object was stored never will be, so that several may sweep at once, beside uploads under way.
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

  /** Once a day, whichever instance comes to it first. */
  async daily(): Promise<void> {
    const today = Math.floor(this.clock.now().getTime() / DAY_MS);
    if (await claimOnce(this.dataSource.manager, 'photo_sweep', today)) await this.sweep();
  }

  async sweep(): Promise<SweepResult> {
    const swept = { found: 0, removed: 0 };
    const before = this.clock.now().getTime() - GRACE_MS;
    let old: string[] = [];
    const flush = async (): Promise<void> => {
      swept.removed += await this.removeUnnamed(old);
      old = [];
    };
    for await (const { key, storedAt } of this.store.list(PREFIX)) {
      swept.found++;
      if (storedAt.getTime() < before) old.push(key);
      if (old.length === BATCH) await flush();
    }
    await flush();
    if (swept.removed > 0) this.logger.log({ message: 'Removed photos that no customer has', ...swept });
    return swept;
  }

  private async removeUnnamed(objects: string[]): Promise<number> {
    const keyed = objects.map((object) => ({ object, key: keyOf(object.slice(PREFIX.length)) }));
    const keys = new Set(keyed.flatMap(({ key }) => key ?? []));
    if (objects.length === 0) return 0;
    const rows = await this.dataSource.manager.find(Customer, {
      select: { photoKey: true },
      where: { photoKey: In([...keys]) },
    });
    const named = new Set(rows.map(({ photoKey }) => photoKey));
    const unnamed = keyed.filter(({ key }) => key === undefined || !named.has(key));
    for (const { object } of unnamed) await this.store.remove(object);
    return unnamed.length;
  }
}
