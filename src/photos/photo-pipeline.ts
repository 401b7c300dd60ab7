import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import sharp, { type OutputInfo, type Sharp } from 'sharp';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { type ProblemCode } from '../problems/catalog.js';
import { Problem } from '../problems/problem.js';

/** Pixels, of width and height both. */
export const LARGE = 2048;
export const SMALL = 256;

/** Some 8,700 by 5,700: no camera in a telephone is refused, and the memory of a decoded image is bounded. */
const MAX_PIXELS = 50_000_000;
/** Decoding shares the thread pool with password hashes and files. */
const CONCURRENCY = 2;
const MAX_QUEUED = 64;
const MAX_SECONDS = 10;

/** The formats are told by their first bytes, whatever a file is called: all others never reach a decoder. */
const SIGNATURES = [/^\xff\xd8\xff/, /^\x89PNG\r\n\x1a\n/, /^RIFF[^]{4}WEBP/];

sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});

/** A photo in its two sizes, as WebP. */
export interface Rendition {
  large: Buffer;
  small: Buffer;
  /** Of the large one. */
  width: number;
  height: number;
  /** SHA-256 of the large one, shortened to 128 bits. */
  hash: string;
}

/** Makes of what somebody has sent an image that is safe to show: decoded, turned upright, without any metadata. */
@Injectable()
export class PhotoPipeline {
  private readonly limiter = new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);

  /** 415 for other formats, 400 for what cannot be decoded, 413 for too many pixels. */
  async render(upload: Buffer): Promise<Rendition> {
    const start = upload.subarray(0, 12).toString('latin1');
    if (!SIGNATURES.some((signature) => signature.test(start))) throw new Problem('unsupported_image');
    return this.limiter.run(async () => {
      try {
        // errors, but not warnings, which many a camera gives rise to; what is cut off is an error
        const image = sharp(upload, { limitInputPixels: MAX_PIXELS, failOn: 'error' }).autoOrient();
        const { data: large, info } = await webp(image, LARGE);
        const { data: small } = await webp(sharp(large), SMALL);
        const hash = createHash('sha256').update(large).digest('hex').slice(0, 32);
        return { large, small, width: info.width, height: info.height, hash };
      } catch (error) {
        throw new Problem(codeOf(error as Error));
      }
    });
  }
}

/** sharp leaves out all metadata, and converts to sRGB, unless it is told otherwise. */
const webp = (image: Sharp, size: number): Promise<{ data: Buffer; info: OutputInfo }> =>
  image
    .resize(size, size, { fit: 'inside', withoutEnlargement: true })
    .timeout({ seconds: MAX_SECONDS })
    .webp()
    .toBuffer({ resolveWithObject: true });

const codeOf = ({ message }: Error): ProblemCode =>
  message.includes('exceeds pixel limit') ? 'image_too_large' : 'invalid_image';
