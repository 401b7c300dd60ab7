import { Problem } from '../problems/problem.js';
import type { InspectedImage } from './inspected-image.js';
import { inspectJpeg } from './jpeg-file.js';
import { inspectPng } from './png-file.js';
import { inspectWebp } from './webp-file.js';

/** A lossless image of 33 megapixels, or a progressive JPEG of 44. */
const MAX_DECODE_BYTES = 128 * 1024 * 1024;

/** First bytes of the supported formats. Other content never reaches a decoder. */
const FORMATS: Array<{ signature: RegExp; inspect: (upload: Buffer) => InspectedImage }> = [
  { signature: /^\xff\xd8\xff/, inspect: inspectJpeg },
  { signature: /^\x89PNG\r\n\x1a\n/, inspect: inspectPng },
  { signature: /^RIFF[^]{4}WEBP/, inspect: inspectWebp },
];

/**
 * Decides from the headers whether an upload can be decoded within bounded memory and time. Throws `unsupported_image`
 * for other formats, `invalid_image` for broken headers and `image_too_large`.
 */
export function inspectImage(upload: Buffer): InspectedImage {
  const start = upload.toString('latin1', 0, 12);
  const format = FORMATS.find(({ signature }) => signature.test(start));
  if (!format) throw new Problem('unsupported_image');
  const image = format.inspect(upload);
  if (image.decodeBytes > MAX_DECODE_BYTES) throw new Problem('image_too_large');
  return image;
}
