import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Housekeeping } from '../database/housekeeping.js';
import { ObjectRemoval } from './object-removal.entity.js';
import { ObjectStore } from './object-store.js';

const CONCURRENCY = 20;
/** Of one hour; the next one takes the rest. */
const MAX_OBJECTS = 1_000;

/**
 * Removes objects for certain: they are listed in the transaction that erases the rows that name them, and stay on the
 * list until the store has removed them, also if the process is killed or the bucket is down for days.
 */
@Injectable()
export class ObjectRemovals {
  private readonly logger = new Logger('ObjectRemovals');

  constructor(
    @InjectRepository(ObjectRemoval) private readonly removals: Repository<ObjectRemoval>,
    private readonly store: ObjectStore,
    housekeeping: Housekeeping,
  ) {
    housekeeping.hourly(() => this.runAll());
  }

  async add(manager: EntityManager, objects: string[]): Promise<void> {
    for (const object of objects) await manager.upsert(ObjectRemoval, { object }, ['object']);
  }

  /** Removes all that is listed. */
  async runAll(): Promise<void> {
    const listed = await this.removals.find({ take: MAX_OBJECTS });
    await this.run(listed.map(({ object }) => object));
  }

  /** Removes listed objects. Those that fail stay on the list, for the next hour. */
  async run(objects: string[]): Promise<void> {
    let failed = 0;
    for (let at = 0; at < objects.length; at += CONCURRENCY) {
      const batch = objects.slice(at, at + CONCURRENCY);
      const results = await Promise.allSettled(batch.map((object) => this.remove(object)));
      failed += results.filter(({ status }) => status === 'rejected').length;
    }
    if (failed > 0) this.logger.warn({ message: 'Could not remove all objects; trying again in an hour', failed });
  }

  private async remove(object: string): Promise<void> {
    await this.store.remove(object);
    await this.removals.delete({ object });
  }
}
