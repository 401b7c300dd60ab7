import { randomUUID } from 'node:crypto';

/** Prefix of all photos of this service; a bucket may hold other objects. */
export const PREFIX = 'photos/';

export type PhotoSize = 'large' | 'small';

const SUFFIXES: Record<PhotoSize, string> = { large: '.webp', small: '-256.webp' };
export const PHOTO_FILE = /^([\da-f]{32}-[\da-f]{32})(-256)?\.webp$/;

/**
 * Hash of the content and a random part. Every upload has its own objects, so that deleting one never breaks another
 * with the same content, and a key cannot be guessed.
 */
export const newKey = (hash: string): string => `${hash}-${randomUUID().replaceAll('-', '')}`;

export const hashOf = (key: string): string => key.slice(0, 32);

export const fileOf = (key: string, size: PhotoSize): string => `${key}${SUFFIXES[size]}`;

export const objectsOf = (key: string): [large: string, small: string] => [
  PREFIX + fileOf(key, 'large'),
  PREFIX + fileOf(key, 'small'),
];

/** The key in a file name; undefined if it is not a photo of this service. */
export const keyOf = (file: string): string | undefined => PHOTO_FILE.exec(file)?.[1];
