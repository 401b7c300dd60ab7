import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import sharp, { type OutputInfo, type Sharp } from 'sharp';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { type ProblemCode } from '../problems/catalog.js';
import { Problem } from '../problems/problem.js';

/** Maximum width and height in pixels. */
export const LARGE = 2048;
export const SMALL = 256;

/** About 8,700 by 5,700 pixels: enough for phone cameras, and it bounds the memory of a decoded image. */
const MAX_PIXELS = 50_000_000;
/** Decoding shares libuv's thread pool with password hashes and file access. */
const CONCURRENCY = 2;
const MAX_QUEUED = 64;
const MAX_SECONDS = 10;

/** First bytes of the supported formats: JPEG, PNG and WebP. Other content never reaches a decoder. */
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
  /** Width and height of `large`. */
  width: number;
  height: number;
  /** SHA-256 of `large`, truncated to 128 bits. */
  hash: string;
}

/** Turns an upload into an image that is safe to serve: decoded, rotated upright, re-encoded without metadata. */
@Injectable()
export class PhotoPipeline {
  private readonly limiter = new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);

  /**
   * Throws `unsupported_image` for other formats, `invalid_image` if decoding fails, `image_too_large` for too many
   * pixels.
   */
  async render(upload: Buffer): Promise<Rendition> {
    const start = upload.subarray(0, 12).toString('latin1');
    if (!SIGNATURES.some((signature) => signature.test(start))) throw new Problem('unsupported_image');
    return this.limiter.run(async () => {
      try {
        // fail on errors, such as truncation, but not on warnings, which files of many cameras cause
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

/** By default, sharp drops all metadata and converts to sRGB. */
const webp = (image: Sharp, size: number): Promise<{ data: Buffer; info: OutputInfo }> =>
  image
    .resize(size, size, { fit: 'inside', withoutEnlargement: true })
    .timeout({ seconds: MAX_SECONDS })
    .webp()
    .toBuffer({ resolveWithObject: true });

const codeOf = ({ message }: Error): ProblemCode =>
  message.includes('exceeds pixel limit') ? 'image_too_large' : 'invalid_image';
