import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from '../config/base64url.js';
import { Clock } from '../config/clock.js';
import { Env } from '../config/env.js';
import { Secrets } from '../config/secrets.js';
import type { PhotoDto } from './photo.dto.js';
import { fileOf, keyOf, type PhotoSize, PREFIX } from './photo-keys.js';
import type { StoredPhoto } from './stored-photo.js';

const HOUR_S = 60 * 60;
/** An address lives for a day at most; for six hours it stays the same, so that browsers find it in their cache. */
const LIFE_S = 24 * HOUR_S;
const WINDOW_S = 6 * HOUR_S;
const MAC_BYTES = 16;

const GOOGLE = 'https://storage.googleapis.com';

export interface PhotoAddress {
  /** Of the customer. */
  id: number;
  file: string;
  expires: number;
  signature: string;
}

/** Addresses of photos, ready for an `<img>`: signed by the service, or those of a public bucket. */
@Injectable()
export class PhotoAddresses {
  private readonly publicBucket?: string;

  constructor(
    { PHOTO_DELIVERY, GOOGLE_BUCKET, GOOGLE_STORAGE_ENDPOINT = GOOGLE }: Env,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
  ) {
    if (PHOTO_DELIVERY === 'public') this.publicBucket = `${new URL(GOOGLE_STORAGE_ENDPOINT).origin}/${GOOGLE_BUCKET}/`;
  }

  /** Whether whoever knows a key can read the photo, whatever the service says. */
  get isPublic(): boolean {
    return this.publicBucket !== undefined;
  }

  toDto(id: number, { photoKey, photoUrl, photoWidth, photoHeight }: StoredPhoto, origin: string): PhotoDto | null {
    if (photoKey !== null) {
      const { large, small } = this.of(id, photoKey, origin);
      return { url: large, thumbnailUrl: small, width: photoWidth, height: photoHeight };
    }
    return photoUrl === null ? null : { url: photoUrl, thumbnailUrl: photoUrl, width: null, height: null };
  }

  /** One signature is good for both sizes. */
  of(id: number, key: string, origin: string): Record<PhotoSize, string> {
    if (this.publicBucket !== undefined) {
      const at = this.publicBucket + PREFIX;
      return { large: at + fileOf(key, 'large'), small: at + fileOf(key, 'small') };
    }
    const now = this.nowS();
    const expires = now - (now % WINDOW_S) + LIFE_S;
    const mac = this.secrets.sign('photo', textOf(id, key, expires)).subarray(0, MAC_BYTES);
    const query = `?expires=${expires}&signature=${mac.toString('base64url')}`;
    const at = `${origin}/photos/${id}/`;
    return { large: at + fileOf(key, 'large') + query, small: at + fileOf(key, 'small') + query };
  }

  /** The key, and for how many seconds the address is still good; undefined if it is not. */
  verify({ id, file, expires, signature }: PhotoAddress): { key: string; secondsLeft: number } | undefined {
    const key = keyOf(file);
    const secondsLeft = expires - this.nowS();
    if (key === undefined || secondsLeft <= 0) return undefined;
    const mac = decodeBase64Url(signature);
    const isOurs = mac?.length === MAC_BYTES && this.secrets.verifies('photo', textOf(id, key, expires), mac);
    return isOurs ? { key, secondsLeft } : undefined;
  }

  private nowS(): number {
    return Math.floor(this.clock.now().getTime() / 1000);
  }
}

const textOf = (id: number, key: string, expires: number): string => `${id} ${key} ${expires}`;
