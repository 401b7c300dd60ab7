import { once } from 'node:events';
import { pipeline, type Readable, Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from '@google-cloud/storage';
import type { Env } from '../config/env.js';
import { currentTracing, type SpanDescription } from '../tracing/tracing.js';
import { ObjectStore, type StoredObject } from './object-store.js';
import { type Operation, statusOf, toStorageProblem } from './storage-errors.js';

/** Limit for all attempts of one operation: clients get a response within five seconds. */
const OPERATION_MS = 4_000;
const ATTEMPT_MS = 2_500;
const MAX_ATTEMPTS = 3;
const TRANSIENT = new Set<unknown>([408, 429, 500, 502, 503, 504, 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'EAI_AGAIN']);
/** Without a byte in or out for this long, one of the two connections is lost. */
const STALL_TIMEOUT_MS = 5_000;
const PAGE_SIZE = 1_000;

/**
 * Browsers may cache an object without revalidation, as it never changes. Shared caches may not, as they would keep
 * deleted photos; Cloud Storage itself caches public objects.
 */
const CACHE_CONTROL = 'private, max-age=31536000, immutable';

/** Makes retries of a `put` safe: if the first attempt succeeded, the second fails with 412. */
const ONLY_IF_ABSENT = { ifGenerationMatch: 0 };

/** Objects in Google Cloud Storage, in a bucket with uniform access: no call uses ACLs. */
export class BucketStore extends ObjectStore {
  private readonly name: string;
  private bucket?: Promise<Bucket>;

  constructor(private readonly env: Env) {
    super();
    this.name = env.GOOGLE_BUCKET!;
  }

  put(key: string, bytes: Buffer, contentType: string): Promise<void> {
    return this.run('put', async (bucket) => {
      const metadata = { cacheControl: CACHE_CONTROL };
      const options = {
        resumable: false,
        contentType,
        metadata,
        preconditionOpts: ONLY_IF_ABSENT,
        timeout: ATTEMPT_MS,
      };
      await bucket
        .file(key)
        .save(bytes, options)
        .catch((error: unknown) => {
          if (statusOf(error) !== 412) throw error;
        });
    });
  }

  read(key: string): Promise<Readable | undefined> {
    return this.run('read', async (bucket) => {
      const stream = bucket.file(key).createReadStream();
      try {
        // 'response' is emitted for error responses too
        await once(stream, 'readable', { signal: AbortSignal.timeout(ATTEMPT_MS) });
        return failOnStall(stream);
      } catch (error) {
        stream.destroy();
        if (statusOf(error) === 404 && !/bucket does not/i.test((error as Error).message)) return undefined;
        throw error;
      }
    });
  }

  remove(key: string): Promise<void> {
    return this.run('remove', async (bucket) => {
      await bucket.file(key).delete({ ignoreNotFound: true });
    });
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    let pageToken: string | undefined;
    do {
      const query = { prefix, maxResults: PAGE_SIZE, autoPaginate: false, pageToken };
      const [files, next] = await this.run('list', (bucket) => bucket.getFiles(query));
      for (const { name, metadata } of files) yield { key: name, storedAt: new Date(metadata.updated!) };
      pageToken = (next as { pageToken?: string } | null)?.pageToken;
    } while (pageToken);
  }

  private run<T>(operation: Operation, work: (bucket: Bucket) => Promise<T>): Promise<T> {
    const run = (): Promise<T> => this.runBounded(operation, work);
    return currentTracing()?.inSpan(() => this.spanOf(operation), run) ?? run();
  }

  /** Without the key: the key of a public photo is enough to read it. */
  private spanOf(operation: Operation): SpanDescription {
    const attributes = { 'storage.operation': operation, 'storage.bucket': this.name };
    return { name: `bucket ${operation}`, attributes };
  }

  /**
   * Adds three attempts and a deadline, which @google-cloud/storage 7 lacks: it keeps its retry switch in state that
   * all requests share, and loses it when two run at the same time. After the deadline a request may still complete in
   * the background; PhotoSweep deletes what it stores.
   */
  private async runBounded<T>(operation: Operation, work: (bucket: Bucket) => Promise<T>): Promise<T> {
    const finished = new AbortController();
    const deadline = sleep(OPERATION_MS, undefined, { signal: finished.signal }).then(() => {
      throw Object.assign(new Error(`No response within ${OPERATION_MS} ms`), { code: 'ETIMEDOUT' });
    });
    try {
      const bucket = await Promise.race([this.open(), deadline]);
      for (let attempt = 1; ; attempt++)
        try {
          return await Promise.race([work(bucket), deadline]);
        } catch (error) {
          const isTransient = TRANSIENT.has(statusOf(error)) || TRANSIENT.has((error as { errno?: string }).errno);
          // a removal has no precondition, and PhotoSweep is its retry
          if (attempt === MAX_ATTEMPTS || operation === 'remove' || !isTransient) throw error;
          await Promise.race([sleep(attempt * (100 + Math.random() * 100)), deadline]);
        }
    } catch (error) {
      throw toStorageProblem(operation, error, this.name);
    } finally {
      finished.abort();
      deadline.catch(() => undefined);
    }
  }

  /** Loads the client library at first use, as that takes 250 ms. */
  private open(): Promise<Bucket> {
    return (this.bucket ??= import('@google-cloud/storage').then(({ Storage }) => {
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

/** The client library (node-fetch 2) does not notice a connection that is lost in the middle of an object. */
function failOnStall(stream: Readable): Readable {
  const timer = setTimeout(() => output.destroy(new Error('Stalled')), STALL_TIMEOUT_MS);
  const output = new Transform({
    transform: (chunk, _encoding, done) => {
      timer.refresh();
      done(null, chunk);
    },
  });
  pipeline(stream, output, () => clearTimeout(timer));
  return output;
}
