import { Injectable } from '@nestjs/common';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { Problem } from '../problems/problem.js';
import { inspectImage } from './inspect-image.js';
import { PhotoWorkers } from './photo-workers.js';
import type { Rendition } from './render-photo.js';

const CONCURRENCY = 2;
const MAX_QUEUED = 64;
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
   * take too much memory or time. `signal` stops it when the client disconnects.
   */
  async render(upload: Buffer, signal?: AbortSignal): Promise<Rendition> {
    const image = await inspectImage(upload);
    const work = (): Promise<Rendition> => {
      if (signal?.aborted) throw new Problem('malformed_request');
      return this.workers.render(image, signal);
    };
    if (image.decodeBytes <= MAX_SHARED_BYTES) return this.limiter.run(work);
    // only one upload at a time takes both slots, so none waits for the other
    return this.largeLimiter.run(() => this.limiter.run(() => this.limiter.run(work)));
  }
}
