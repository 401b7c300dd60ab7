import { buffer } from 'node:stream/consumers';
import { Injectable, Logger } from '@nestjs/common';
import { Env } from '../config/env.js';
import { isDuplicate } from '../database/database-errors.js';
import { Problem } from '../problems/problem.js';
import { ObjectStore } from '../storage/object-store.js';
import { hashOf, newKey, objectsOf } from './photo-keys.js';
import { PhotoPipeline } from './photo-pipeline.js';
import { NO_PHOTO, type StoredPhoto } from './stored-photo.js';
import type { Upload } from './upload.js';

const WEBP = 'image/webp';

/**
 * Keeps photos and rows consistent: store the new objects, then commit the row that names their key, then delete the
 * old objects. A row never names a missing object; objects that a crash leaves behind are named by no row, and
 * PhotoSweep deletes them.
 */
@Injectable()
export class PhotosService {
  private readonly logger = new Logger('Photos');
  private readonly legacyBucket: string;

  constructor(
    env: Env,
    private readonly store: ObjectStore,
    private readonly pipeline: PhotoPipeline,
  ) {
    this.legacyBucket = `https://storage.googleapis.com/${env.GOOGLE_BUCKET}/`;
  }

  /**
   * Stores the objects of a photo and runs `write`, which commits a row with its key. If the write is refused, or
   * `usesKey` says that the row has another photo, deletes the objects again.
   */
  async add<Row>(
    { image, signal }: Upload,
    write: (photo: StoredPhoto) => Promise<Row>,
    usesKey: (row: Row, key: string) => boolean,
  ): Promise<Row> {
    const { large, small, width, height, hash } = await this.pipeline.render(image, signal);
    const key = newKey(hash);
    const photo = { photoKey: key, photoWidth: width, photoHeight: height, photoUrl: null };
    const row = await this.discardIfRefused(photo, async () => {
      const [largeObject, smallObject] = objectsOf(key);
      await allSettledOrThrow([this.store.put(largeObject, large, WEBP), this.store.put(smallObject, small, WEBP)]);
      return write(photo);
    });
    if (!usesKey(row, key)) await this.discard(photo);
    return row;
  }

  /**
   * Hides a photo in a public bucket: moves it to an unpublished key, which `write` commits in the row. Resolves to false
   * if the row got another key after all.
   */
  async hide(key: string, write: (hiddenKey: string) => Promise<boolean>): Promise<void> {
    const hiddenKey = newKey(hashOf(key));
    const targets = objectsOf(hiddenKey);
    const isHidden = await this.discardIfRefused({ ...NO_PHOTO, photoKey: hiddenKey }, async () => {
      await allSettledOrThrow(objectsOf(key).map((object, index) => this.copy(object, targets[index]!)));
      return write(hiddenKey);
    });
    await this.discard({ ...NO_PHOTO, photoKey: isHidden ? key : hiddenKey });
  }

  /** Deletes the objects of a photo that no row names any more. PhotoSweep deletes those that fail here. */
  async discard(photo: StoredPhoto): Promise<void> {
    const objects = this.objectsOf(photo);
    const results = await Promise.allSettled(objects.map((object) => this.store.remove(object)));
    results.forEach(({ status }, index) => {
      if (status === 'rejected') this.logger.warn({ message: 'photo_left_behind', object: objects[index] });
    });
  }

  /** The objects of a photo. Those of the Flask service are ours to delete only if they are in our bucket. */
  objectsOf({ photoKey, photoUrl }: StoredPhoto): string[] {
    if (photoKey !== null) return objectsOf(photoKey);
    return photoUrl?.startsWith(this.legacyBucket) ? [photoUrl.slice(this.legacyBucket.length)] : [];
  }

  /**
   * Discards the photo if `work` was refused. Not after other errors: if the connection is lost at the commit, the row
   * may be there.
   */
  private async discardIfRefused<Result>(photo: StoredPhoto, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem || isDuplicate(error)) await this.discard(photo);
      throw error;
    }
  }

  private async copy(from: string, to: string): Promise<void> {
    const content = await this.store.read(from);
    if (content) await this.store.put(to, await buffer(content), WEBP);
  }
}

/** Unlike `Promise.all`, waits for all before it throws: a late `put` must not follow the clean-up. */
async function allSettledOrThrow(operations: Array<Promise<void>>): Promise<void> {
  for (const result of await Promise.allSettled(operations)) if (result.status === 'rejected') throw result.reason;
}
