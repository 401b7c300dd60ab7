import { Injectable } from '@nestjs/common';
import type { Customer } from '../customers/customer.entity.js';
import { CustomersService } from '../customers/customers.service.js';
import { type FeedPosition, HistoryFeed, type NumberedEntry } from '../history/history-feed.js';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';

const RESOURCE = 'customer';
/** Of the connections of the pool: many readers wake up at once, and others must not wait for them. */
const MAX_READING = 3;
const MAX_QUEUED = 2_000;

export interface Change extends NumberedEntry {
  /** As it is now; null if it is deleted. */
  customer: Customer | null;
}

/** Reads the changes of customers in the order of the feed, with the customers as they are now. */
@Injectable()
export class ChangesService {
  private readonly limiter = new ConcurrencyLimiter(MAX_READING, MAX_QUEUED);

  constructor(
    private readonly feed: HistoryFeed,
    private readonly customers: CustomersService,
  ) {}

  /** `cursor` is one of `cursorOf`, `now`, or undefined for the start; `pointer` names its parameter in a problem. */
  async positionOf(cursor: string | undefined, pointer: string): Promise<FeedPosition> {
    if (cursor === undefined) return this.feed.start;
    return cursor === 'now' ? this.feed.end(RESOURCE) : this.feed.open(RESOURCE, cursor, pointer);
  }

  cursorOf(position: FeedPosition): string {
    return this.feed.seal(RESOURCE, position);
  }

  /** The entries first: so a customer is never older than its change. */
  read(position: FeedPosition, limit: number, pointer = 'after'): Promise<Change[]> {
    return this.limiter.run(async () => {
      const entries = await this.feed.read(RESOURCE, position, limit, pointer);
      return Promise.all(
        entries.map(async (entry) => {
          const customer = await this.customers.find(entry.id);
          return { ...entry, customer: customer && !customer.isDeleted ? customer : null };
        }),
      );
    });
  }
}
