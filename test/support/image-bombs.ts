import { crc32, deflateSync } from 'node:zlib';
import { corners } from './images.js';

/** Small files that are expensive to decode. */

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export function pngChunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
  bytes.writeUInt32BE(data.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

interface PngOptions {
  width: number;
  height: number;
  depth?: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA. */
  colourType?: number;
  isInterlaced?: boolean;
  /** Between header and pixels. */
  extra?: Buffer[];
  /** Bytes of pixels. Default: none, as the header alone has to be enough for a refusal. */
  pixelBytes?: number;
}

export function png({
  width,
  height,
  depth = 8,
  colourType = 6,
  isInterlaced,
  extra = [],
  pixelBytes = 0,
}: PngOptions): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, isInterlaced ? 1 : 0], 8);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    ...extra,
    pngChunk('IDAT', deflateSync(Buffer.alloc(pixelBytes))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A black PNG with one bit per pixel: many pixels in few bytes. */
export const bomb = (width: number, height: number): Buffer =>
  png({ width, height, depth: 1, colourType: 0, pixelBytes: height * (1 + Math.ceil(width / 8)) });

/** A PNG whose compressed texts inflate to `count` times 8 MB. */
export function textBomb(count: number): Buffer {
  const compressed = deflateSync(Buffer.alloc(8_000_000 - 1, 'a'), { level: 9 });
  const ztxt = Array.from({ length: count }, (_, n) =>
    pngChunk('zTXt', Buffer.concat([Buffer.from(`k${n}\0\0`), compressed])),
  );
  const itxt = pngChunk('iTXt', Buffer.concat([Buffer.from('k\0\x01\0\0\0', 'latin1'), compressed]));
  const profile = pngChunk(
    'iCCP',
    Buffer.concat([Buffer.from('k\0\0'), deflateSync(Buffer.alloc(100_000_000), { level: 9 })]),
  );
  return png({ width: 2, height: 2, pixelBytes: 18, extra: [...ztxt, itxt, profile] });
}

/** A progressive JPEG with more scans, all of them empty: refinements of the first component. */
export async function scanBomb(count: number, width = 60, height = 40): Promise<Buffer> {
  const whole = await (await corners(width, height)).jpeg({ progressive: true }).toBuffer();
  const scan = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0x10]);
  return Buffer.concat([whole.subarray(0, -2), ...Array.from({ length: count }, () => scan), whole.subarray(-2)]);
}

export function webpChunk(type: string, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.write(type, 'latin1');
  header.writeUInt32LE(data.length, 4);
  return Buffer.concat([header, data, Buffer.alloc(data.length % 2)]);
}

export function webp(...chunks: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks]);
  const header = Buffer.from('RIFF\0\0\0\0', 'latin1');
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** The header of an extended WebP. */
export function canvas(width: number, height: number, flags: number): Buffer {
  const data = Buffer.alloc(10);
  data[0] = flags;
  data.writeUIntLE(width - 1, 4, 3);
  data.writeUIntLE(height - 1, 7, 3);
  return webpChunk('VP8X', data);
}

/** An animation of `count` red frames of one pixel. */
export async function frameBomb(count: number, width = 40, height = 40): Promise<Buffer> {
  const pixel = await (
    await corners(2, 2)
  )
    .extract({ left: 0, top: 0, width: 1, height: 1 })
    .webp({ lossless: true })
    .toBuffer();
  const frame = webpChunk('ANMF', Buffer.concat([Buffer.alloc(12), Buffer.from([1, 0, 0, 0]), pixel.subarray(12)]));
  return webp(canvas(width, height, 2), webpChunk('ANIM', Buffer.alloc(6)), Buffer.alloc(count * frame.length, frame));
}
