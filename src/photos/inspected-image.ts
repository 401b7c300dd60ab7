import { Problem } from '../problems/problem.js';

/** What the headers of an upload say, before anything is decoded. */
export interface InspectedImage {
  /** The file to decode, without the parts that no photo needs. */
  file: Buffer;
  /** Estimated memory of the decoder; output and encoder come on top. */
  decodeBytes: number;
}

/** About 8,700 by 5,700 pixels. */
export const MAX_PIXELS = 50_000_000;

export function checkPixels(width: number, height: number, maxPixels = MAX_PIXELS): void {
  if (width === 0 || height === 0) throw new Problem('invalid_image');
  if (width * height > maxPixels) throw new Problem('image_too_large');
}
