import { createHash } from 'node:crypto';
import sharp, { type OutputInfo, type Sharp } from 'sharp';

/** Maximum width and height in pixels. */
const LARGE = 2048;
const SMALL = 256;

sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});

/** Warnings of libjpeg (jerror.h) that pixels are missing: it decodes the rest as grey. */
const DAMAGE = /premature end of data segment|bad Huffman code|found marker 0x\w+ instead of RST/;

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

/** Decodes a photo, rotates it upright and re-encodes it without metadata. Pixels were counted by `inspectImage`. */
export async function renderPhoto(file: Buffer): Promise<Rendition> {
  // fail on errors, such as truncation, but not on all warnings, as files of many cameras cause harmless ones
  const image = sharp(file, { limitInputPixels: false, failOn: 'error' });
  let isDamaged = false;
  image.on('warning', (warning: string) => (isDamaged ||= DAMAGE.test(warning)));
  const { orientation } = await image.metadata();
  const { data: large, info } = await webp(image, LARGE, orientation);
  if (isDamaged) throw new Error('The image is damaged');
  const { data: small } = await webp(sharp(large), SMALL);
  const hash = createHash('sha256').update(large).digest('hex').slice(0, 32);
  return { large, small, width: info.width, height: info.height, hash };
}

/** By default, sharp drops all metadata and converts to sRGB. */
const webp = (image: Sharp, size: number, orientation = 1): Promise<{ data: Buffer; info: OutputInfo }> =>
  upright(image.resize(size, size, { fit: 'inside', withoutEnlargement: true }), orientation)
    .webp()
    .toBuffer({ resolveWithObject: true });

/**
 * Applies the orientation (Exif 3.0, tag 0x0112) to the resized image; sharp mirrors before it rotates. Its `autoOrient`
 * rotates before it resizes, which needs the whole image in memory.
 */
function upright(image: Sharp, orientation: number): Sharp {
  switch (orientation) {
    case 2:
      return image.flop();
    case 3:
      return image.rotate(180);
    case 4:
      return image.flip();
    case 5:
      return image.flop().rotate(270);
    case 6:
      return image.rotate(90);
    case 7:
      return image.flop().rotate(90);
    case 8:
      return image.rotate(270);
    default:
      return image;
  }
}
