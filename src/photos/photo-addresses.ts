import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from '../config/base64url.js';
import { Clock } from '../config/clock.js';
import { Env } from '../config/env.js';
import { Secrets } from '../config/secrets.js';
import type { PhotoDto } from './photo.dto.js';
import { fileOf, keyOf, type PhotoSize, PREFIX } from './photo-keys.js';
import type { StoredPhoto } from './stored-photo.js';

const HOUR_S = 60 * 60;
/** URLs are valid for 18 to 24 hours. They stay the same for 6 hours, so that browsers can cache the photo. */
const MAX_LIFETIME_S = 24 * HOUR_S;
const WINDOW_S = 6 * HOUR_S;
const MAC_BYTES = 16;

const GOOGLE = 'https://storage.googleapis.com';

export interface PhotoAddress {
  /** The customer's id. */
  id: number;
  file: string;
  expires: number;
  signature: string;
}

/** URLs of photos, ready for an `<img>`: signed URLs of the service, or URLs of a public bucket. */
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

  /** Whether the bucket is public: a key is then enough to read a photo, without the service. */
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

  /** The URLs of both sizes, which share one signature. */
  of(id: number, key: string, origin: string): Record<PhotoSize, string> {
    if (this.publicBucket !== undefined) {
      const base = this.publicBucket + PREFIX;
      return { large: base + fileOf(key, 'large'), small: base + fileOf(key, 'small') };
    }
    const now = this.nowS();
    const expires = now - (now % WINDOW_S) + MAX_LIFETIME_S;
    const mac = this.secrets.sign('photo', id, key, expires).subarray(0, MAC_BYTES);
    const query = `?expires=${expires}&signature=${mac.toString('base64url')}`;
    const base = `${origin}/photos/${id}/`;
    return { large: base + fileOf(key, 'large') + query, small: base + fileOf(key, 'small') + query };
  }

  /** Returns the key and the remaining lifetime of a URL, or undefined if it is invalid or has expired. */
  verify({ id, file, expires, signature }: PhotoAddress): { key: string; secondsLeft: number } | undefined {
    const key = keyOf(file);
    const secondsLeft = expires - this.nowS();
    if (key === undefined || secondsLeft <= 0) return undefined;
    const mac = decodeBase64Url(signature);
    const isValid = mac?.length === MAC_BYTES && this.secrets.verifies('photo', mac, id, key, expires);
    return isValid ? { key, secondsLeft } : undefined;
  }

  private nowS(): number {
    return Math.floor(this.clock.now().getTime() / 1000);
  }
}
