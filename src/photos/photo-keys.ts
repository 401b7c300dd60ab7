import { randomUUID } from 'node:crypto';

/** Where photos of this service are, among whatever else a bucket holds. */
export const PREFIX = 'photos/';

export type PhotoSize = 'large' | 'small';

const SUFFIXES: Record<PhotoSize, string> = { large: '.webp', small: '-256.webp' };
const FILE = /^([\da-f]{32}-[\da-f]{32})(-256)?\.webp$/;

/**
 * The content's hash, and a random part: every upload has objects of its own, so that none is taken away from under
 * somebody else who uploaded the same; and whoever has not been told a key cannot guess it.
 */
export const newKey = (hash: string): string => `${hash}-${randomUUID().replaceAll('-', '')}`;

export const hashOf = (key: string): string => key.slice(0, 32);

export const fileOf = (key: string, size: PhotoSize): string => `${key}${SUFFIXES[size]}`;

export const objectsOf = (key: string): [large: string, small: string] => [
  PREFIX + fileOf(key, 'large'),
  PREFIX + fileOf(key, 'small'),
];

/** The key that a file belongs to; undefined if it is none of ours. */
export const keyOf = (file: string): string | undefined => FILE.exec(file)?.[1];
