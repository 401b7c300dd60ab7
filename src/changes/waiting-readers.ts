import { Injectable } from '@nestjs/common';
import type { FeedPosition } from '../history/history-feed.js';
import { HistorySequence } from '../history/history-sequence.js';
import { Draining } from '../http/draining.js';
import { errorFields } from '../logging/error-fields.js';
import { FailureLog } from '../logging/failure-log.js';
import { Problem } from '../problems/problem.js';
import { type Change, ChangesService } from './changes.service.js';

/** One query for all readers that wait in this process; none while there are no readers. */
const POLL_MS = 250;
/** Each takes a connection and its buffers. */
const MAX_READERS = 1_000;
const MAX_READERS_PER_USER = 50;
const RETRY_AFTER_S = 5;

/** Reads as `ChangesService.read`; readers that were woken together share what they read. */
export type ReadChanges = (position: FeedPosition, limit: number) => Promise<Change[]>;

interface Waiter {
  /** Wakes up when there is an entry with a higher number. */
  sequence: number;
  wake: (read?: ReadChanges) => void;
}

/** Long polls and event streams that wait for a change. They hold no database connection while they wait. */
@Injectable()
export class WaitingReaders {
  private readonly failures = new FailureLog('Changes');
  private readonly waiting = new Set<Waiter>();
  private readonly readersByUser = new Map<number, number>();
  private admitted = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly sequence: HistorySequence,
    private readonly changes: ChangesService,
    private readonly draining: Draining,
  ) {
    draining.signal.addEventListener('abort', () => this.wakeAll());
  }

  /** Admitted readers, and how many of them wait at present. */
  get counts(): { readers: number; waiting: number } {
    return { readers: this.admitted, waiting: this.waiting.size };
  }

  get isStopped(): boolean {
    return this.draining.signal.aborted;
  }

  /** Runs `work` as one of the readers of a user; refuses more of them than this process can hold. */
  async admit<T>(userId: number, work: (release: () => void) => Promise<T>): Promise<T> {
    const own = this.readersByUser.get(userId) ?? 0;
    if (own >= MAX_READERS_PER_USER)
      throw new Problem('too_many_requests', 'You have too many readers waiting for changes.', {
        retryAfter: RETRY_AFTER_S,
      });
    if (this.admitted >= MAX_READERS) throw new Problem('overloaded', undefined, { retryAfter: RETRY_AFTER_S });
    this.readersByUser.set(userId, own + 1);
    this.admitted++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.admitted--;
      const left = this.readersByUser.get(userId)! - 1;
      if (left > 0) this.readersByUser.set(userId, left);
      else this.readersByUser.delete(userId);
    };
    try {
      return await work(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Resolves when there is an entry after the position; with undefined after `ms`, on `signal`, and when the service stops. */
  wait([sequence]: FeedPosition, ms: number, signal: AbortSignal): Promise<ReadChanges | undefined> {
    if (this.isStopped || signal.aborted || ms <= 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const wake = (read?: ReadChanges): void => {
        clearTimeout(deadline);
        signal.removeEventListener('abort', onAbort);
        this.waiting.delete(waiter);
        resolve(read);
      };
      const waiter = { sequence, wake };
      const onAbort = (): void => wake();
      const deadline = setTimeout(wake, ms);
      signal.addEventListener('abort', onAbort);
      this.waiting.add(waiter);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.waiting.size > 0) this.timer ??= setTimeout(() => void this.poll(), POLL_MS).unref();
  }

  private async poll(): Promise<void> {
    try {
      const last = await this.sequence.latest('customer');
      const read = this.sharedRead();
      for (const waiter of this.waiting) if (waiter.sequence < last) waiter.wake(read);
    } catch (error) {
      // the next poll may succeed, and readers have their own deadline
      this.failures.report('poll', { message: 'Could not look for changes; trying again', ...errorFields(error) });
    } finally {
      this.timer = undefined;
      this.schedule();
    }
  }

  private sharedRead(): ReadChanges {
    const pages = new Map<string, Promise<Change[]>>();
    return (position, limit) => {
      const key = JSON.stringify([position, limit]);
      const page = pages.get(key) ?? this.changes.read(position, limit);
      pages.set(key, page);
      return page;
    };
  }

  private wakeAll(): void {
    clearTimeout(this.timer);
    for (const { wake } of this.waiting) wake();
  }
}
