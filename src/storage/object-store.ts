import type { Readable } from 'node:stream';

export interface StoredObject {
  key: string;
  storedAt: Date;
}

/**
 * Where objects are kept: a bucket, or the local disk. An object never changes under its key. What does not work is one
 * of the problems `storage_*`, within five seconds.
 */
export abstract class ObjectStore {
  /** Fine as well if the object is there already. */
  abstract put(key: string, bytes: Buffer, mediaType: string): Promise<void>;
  /** Undefined if there is no such object. */
  abstract read(key: string): Promise<Readable | undefined>;
  /** Fine as well if there is no such object. */
  abstract remove(key: string): Promise<void>;
  abstract list(prefix: string): AsyncIterable<StoredObject>;
}
