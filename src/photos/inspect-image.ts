import { Problem } from '../problems/problem.js';
import type { InspectedImage } from './inspected-image.js';
import { inspectJpeg } from './jpeg-file.js';
import { inspectPng } from './png-file.js';
import { inspectWebp } from './webp-file.js';

/** A lossless image of 41 megapixels, or a progressive JPEG of 55. */
const MAX_DECODE_BYTES = 160 * 1024 * 1024;

/** ISO/IEC 23008-12: the brands of HEIC and HEIF. The decoder of HEVC is patented, so the image library lacks it. */
const HEIF = /^[^]{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/;

const HEIC_HINT =
  'HEIC photos are not supported: send a JPEG, PNG or WebP. An iPhone takes JPEG with Settings, Camera, Formats, Most Compatible.';

/** First bytes of the supported formats. Other content never reaches a decoder. */
const FORMATS: Array<{ signature: RegExp; inspect: (upload: Buffer) => InspectedImage | Promise<InspectedImage> }> = [
  { signature: /^\xff\xd8\xff/, inspect: inspectJpeg },
  { signature: /^\x89PNG\r\n\x1a\n/, inspect: inspectPng },
  { signature: /^RIFF[^]{4}WEBP/, inspect: inspectWebp },
];

/**
 * Decides from the headers whether an upload can be decoded within bounded memory and time. Throws `unsupported_image`
 * for other formats, `invalid_image` for broken headers and `image_too_large`.
 */
export async function inspectImage(upload: Buffer): Promise<InspectedImage> {
  const start = upload.toString('latin1', 0, 12);
  const format = FORMATS.find(({ signature }) => signature.test(start));
  if (!format) throw new Problem('unsupported_image', HEIF.test(start) ? HEIC_HINT : undefined);
  const image = await format.inspect(upload);
  if (image.decodeBytes > MAX_DECODE_BYTES) throw new Problem('image_too_large');
  return image;
}
