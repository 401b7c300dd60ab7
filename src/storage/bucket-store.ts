import { once } from 'node:events';
import { pipeline, type Readable, Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from '@google-cloud/storage';
import type { Env } from '../config/env.js';
import { ObjectStore, type StoredObject } from './object-store.js';
import { type Operation, statusOf, toStorageProblem } from './storage-errors.js';

/** All tries of one operation together: the client has its answer within five seconds. */
const OPERATION_MS = 4_000;
const ATTEMPT_MS = 2_500;
const TRIES = 3;
const TRANSIENT = new Set<unknown>([408, 429, 500, 502, 503, 504, 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'EAI_AGAIN']);
/** Without a byte coming in or going out: then either end is cut off. */
const STALLED_MS = 5_000;
const PAGE = 1_000;

/**
 * Browsers keep an object for ever, as it never changes; caches in between do not, or a photo that was deleted would
 * live on in them (Cloud Storage itself is one, for what is public).
 */
const CACHE_CONTROL = 'private, max-age=31536000, immutable';

/** Only so can a request be sent again safely: if the first try did succeed, the second is 412. */
const NEW = { ifGenerationMatch: 0 };

/** Objects in Google Cloud Storage. Access is the bucket's (uniform): no call ever touches an ACL. */
export class BucketStore extends ObjectStore {
  private readonly name: string;
  private opened?: Promise<Bucket>;

  constructor(private readonly env: Env) {
    super();
    this.name = env.GOOGLE_BUCKET!;
  }

  put(key: string, bytes: Buffer, contentType: string): Promise<void> {
    return this.ask('put', async (bucket) => {
      const metadata = { cacheControl: CACHE_CONTROL };
      const options = { resumable: false, contentType, metadata, preconditionOpts: NEW, timeout: ATTEMPT_MS };
      await bucket
        .file(key)
        .save(bytes, options)
        .catch((error: unknown) => {
          if (statusOf(error) !== 412) throw error;
        });
    });
  }

  read(key: string): Promise<Readable | undefined> {
    return this.ask('read', async (bucket) => {
      const stream = bucket.file(key).createReadStream();
      try {
        // its 'response' comes for errors as well
        await once(stream, 'readable', { signal: AbortSignal.timeout(ATTEMPT_MS) });
        return unlessStalled(stream);
      } catch (error) {
        stream.destroy();
        if (statusOf(error) === 404 && !/bucket does not/i.test((error as Error).message)) return undefined;
        throw error;
      }
    });
  }

  remove(key: string): Promise<void> {
    return this.ask('remove', async (bucket) => {
      await bucket.file(key).delete({ ignoreNotFound: true });
    });
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    let pageToken: string | undefined;
    do {
      const query = { prefix, maxResults: PAGE, autoPaginate: false, pageToken };
      const [files, next] = await this.ask('list', (bucket) => bucket.getFiles(query));
      for (const { name, metadata } of files) yield { key: name, storedAt: new Date(metadata.updated!) };
      pageToken = (next as { pageToken?: string } | null)?.pageToken;
    } while (pageToken);
  }

  /**
   * Three tries and a deadline, both of which the client has not: version 7 keeps whether it may try again in one place
   * for all its requests, and forgets about it once two of them run at the same time. What is under way when the time is
   * over ends behind our back; the sweep finds it.
   */
  private async ask<T>(operation: Operation, work: (bucket: Bucket) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const deadline = sleep(OPERATION_MS, undefined, { signal: over.signal }).then(() => {
      throw new Error('No answer in time');
    });
    try {
      const bucket = await Promise.race([this.open(), deadline]);
      for (let tries = 1; ; tries++)
        try {
          return await Promise.race([work(bucket), deadline]);
        } catch (error) {
          const isPassing = TRANSIENT.has(statusOf(error)) || TRANSIENT.has((error as { errno?: string }).errno);
          // a removal has no precondition, and does not need another try: it is what the sweep does
          if (tries === TRIES || operation === 'remove' || !isPassing) throw error;
          await Promise.race([sleep(tries * (100 + Math.random() * 100)), deadline]);
        }
    } catch (error) {
      throw toStorageProblem(operation, error, this.name);
    } finally {
      over.abort();
      deadline.catch(() => undefined);
    }
  }

  /** At first use: the client takes a quarter of a second to load. */
  private open(): Promise<Bucket> {
    return (this.opened ??= import('@google-cloud/storage').then(({ Storage }) => {
      const { GOOGLE_PROJECT, GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_STORAGE_ENDPOINT } = this.env;
      const storage = new Storage({
        projectId: GOOGLE_PROJECT,
        keyFilename: GOOGLE_APPLICATION_CREDENTIALS,
        ...(GOOGLE_STORAGE_ENDPOINT && {
          apiEndpoint: GOOGLE_STORAGE_ENDPOINT,
          useAuthWithCustomEndpoint: GOOGLE_APPLICATION_CREDENTIALS !== undefined,
        }),
        timeout: ATTEMPT_MS,
        retryOptions: { autoRetry: false },
      });
      return storage.bucket(this.name);
    }));
  }
}

/** The client does not notice a connection that is lost in the middle of an object (node-fetch 2). */
function unlessStalled(stream: Readable): Readable {
  const stalled = setTimeout(() => passing.destroy(new Error('Stalled')), STALLED_MS);
  const passing = new Transform({
    transform: (chunk, _encoding, done) => {
      stalled.refresh();
      done(null, chunk);
    },
  });
  pipeline(stream, passing, () => clearTimeout(stalled));
  return passing;
}
