import type { Readable } from 'node:stream';

export interface StoredObject {
  key: string;
  storedAt: Date;
}

/**
 * Stores objects in a bucket or on the local disk. The object of a key never changes. Operations fail within five
 * seconds, with one of the problems `storage_*`.
 */
export abstract class ObjectStore {
  /** Succeeds if the object exists already. */
  abstract put(key: string, bytes: Buffer, mediaType: string): Promise<void>;
  /** Returns undefined if the object does not exist. */
  abstract read(key: string): Promise<Readable | undefined>;
  /** Succeeds if the object does not exist. */
  abstract remove(key: string): Promise<void>;
  abstract list(prefix: string): AsyncIterable<StoredObject>;
}
