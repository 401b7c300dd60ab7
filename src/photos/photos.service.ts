import { buffer } from 'node:stream/consumers';
import { Injectable, Logger } from '@nestjs/common';
import { Env } from '../config/env.js';
import { isDuplicate } from '../database/database-errors.js';
import { Problem } from '../problems/problem.js';
import { ObjectStore } from '../storage/object-store.js';
import { hashOf, newKey, objectsOf } from './photo-keys.js';
import { PhotoPipeline } from './photo-pipeline.js';
import { NO_PHOTO, type StoredPhoto } from './stored-photo.js';

const WEBP = 'image/webp';

/**
 * Photos and the rows that name them: first the objects, then the row, then the objects that it named before. So a row
 * never names what is not there; what a crash leaves behind is named by no row, and swept.
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
   * Stores a photo, and has `write` name it in a row. If `isNamed` says that the row has another one all the same, or
   * the write was refused, the objects are removed again. Not if its end is unknown, as when the connection was lost
   * at its commit: the row may be there.
   */
  async add<Result>(
    upload: Buffer,
    write: (photo: StoredPhoto) => Promise<Result>,
    isNamed: (result: Result, key: string) => boolean,
  ): Promise<Result> {
    const { large, small, width, height, hash } = await this.pipeline.render(upload);
    const key = newKey(hash);
    const photo = { photoKey: key, photoWidth: width, photoHeight: height, photoUrl: null };
    return this.unlessRefused(photo, async () => {
      const [largeObject, smallObject] = objectsOf(key);
      await allSettledOrThrow([this.store.put(largeObject, large, WEBP), this.store.put(smallObject, small, WEBP)]);
      const result = await write(photo);
      if (!isNamed(result, key)) await this.discard(photo);
      return result;
    });
  }

  /** In a public bucket a photo is hidden by giving it a key that nobody knows, which `write` names in the row. */
  async hide(key: string, write: (hidden: string) => Promise<void>): Promise<void> {
    const hidden = newKey(hashOf(key));
    await this.unlessRefused({ ...NO_PHOTO, photoKey: hidden }, async () => {
      await allSettledOrThrow(objectsOf(key).map((object, index) => this.copy(object, objectsOf(hidden)[index]!)));
      await write(hidden);
    });
    await this.discard({ ...NO_PHOTO, photoKey: key });
  }

  /** Removes the objects of a photo that no row names any more. What cannot be removed now, the sweep removes. */
  async discard({ photoKey, photoUrl }: StoredPhoto): Promise<void> {
    const isOurs = photoUrl?.startsWith(this.legacyBucket);
    const objects = photoKey !== null ? objectsOf(photoKey) : isOurs ? [photoUrl!.slice(this.legacyBucket.length)] : [];
    const results = await Promise.allSettled(objects.map((object) => this.store.remove(object)));
    results.forEach(({ status }, index) => {
      if (status === 'rejected') this.logger.warn({ message: 'photo_left_behind', object: objects[index] });
    });
  }

  /** Takes back what a write was to name that did not come about. */
  private async unlessRefused<Result>(photo: StoredPhoto, work: () => Promise<Result>): Promise<Result> {
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

/** Fails when both have ended: what one of them was still about to store would otherwise be discarded too early. */
async function allSettledOrThrow(works: Array<Promise<void>>): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason;
}
