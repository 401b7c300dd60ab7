import { Injectable } from '@nestjs/common';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { Problem } from '../problems/problem.js';
import { inspectImage } from './inspect-image.js';
import { PhotoWorkers } from './photo-workers.js';
import type { Rendition } from './render-photo.js';

const CONCURRENCY = 2;
const MAX_QUEUED = 64;
/** Of an upload for its turn. With its decoding it stays within the 40 s after which its connection would count as unread. */
const MAX_WAIT_MS = 25_000;
/** Images whose decoding takes more are decoded alone: then two uploads take at most about 400 MB, workers included. */
const MAX_SHARED_BYTES = 48 * 1024 * 1024;

/** Turns an upload into an image that is safe to serve. */
@Injectable()
export class PhotoPipeline {
  private readonly limiter = new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);
  private readonly largeLimiter = new ConcurrencyLimiter(1, MAX_QUEUED);

  constructor(private readonly workers: PhotoWorkers) {}

  /**
   * Throws `unsupported_image` for other formats, `invalid_image` if decoding fails, `image_too_large` if decoding would
   * take too much memory or time, `overloaded` if its turn does not come. `signal` stops it when the client disconnects.
   */
  async render(upload: Buffer, signal?: AbortSignal): Promise<Rendition> {
    const image = await inspectImage(upload);
    const isLarge = image.decodeBytes > MAX_SHARED_BYTES;
    return inTime((begin) =>
      this.runLimited(isLarge, () => {
        begin();
        if (signal?.aborted) throw new Problem('malformed_request');
        return this.workers.render(image, signal);
      }),
    );
  }

  private runLimited<T>(isLarge: boolean, work: () => Promise<T>): Promise<T> {
    if (!isLarge) return this.limiter.run(work);
    // only one upload at a time takes both slots, so none waits for the other
    return this.largeLimiter.run(() => this.limiter.run(() => this.limiter.run(work)));
  }
}

/** Rejects unless `work` calls `begin` in time; later, `begin` throws. */
function inTime<T>(work: (begin: () => void) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new Problem('overloaded');
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(late);
    }, MAX_WAIT_MS);
    const begin = (): void => {
      clearTimeout(timer);
      if (isLate) throw late;
    };
    work(begin)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}
