import sharp from 'sharp';
import {
  canvas,
  frameBomb,
  png,
  pngChunk,
  scanBomb,
  textBomb,
  webp,
  webpChunk,
} from '../../test/support/image-bombs.js';
import { corners, jpeg } from '../../test/support/images.js';
import { type Problem } from '../problems/problem.js';
import { inspectImage } from './inspect-image.js';

const MEGABYTE = 1_000_000;

async function codeOf(file: Buffer): Promise<string> {
  try {
    await inspectImage(file);
    return 'accepted';
  } catch (error) {
    return (error as Problem).code;
  }
}

/** A JPEG of these dimensions without pixels: headers of a real one, changed. */
async function jpegHeader(width: number, height: number, isProgressive = false): Promise<Buffer> {
  const file = await (await corners()).jpeg({ progressive: isProgressive }).toBuffer();
  const at = file.indexOf(Buffer.from([0xff, isProgressive ? 0xc2 : 0xc0]));
  file.writeUInt16BE(height, at + 5);
  file.writeUInt16BE(width, at + 7);
  return file;
}

describe('A JPEG', () => {
  it('may have 200 megapixels if it is sequential, as the decoder scales it while it reads', async () => {
    expect((await inspectImage(await jpegHeader(16_320, 12_240))).decodeBytes).toBeLessThan(10 * MEGABYTE);
    expect(await codeOf(await jpegHeader(16_320, 12_255))).toBe('image_too_large');
  });

  it('takes all its coefficients in memory if it is progressive', async () => {
    // 4:2:0 has 1.5 coefficients per pixel, of two bytes each
    const { decodeBytes } = await inspectImage(await jpegHeader(4_000, 3_008, true));
    expect(decodeBytes).toBe(4_000 * 3_008 * 3);
    // 50 megapixels
    expect(await codeOf(await jpegHeader(8_160, 6_120, true))).toBe('accepted');
    expect(await codeOf(await jpegHeader(9_000, 6_250, true))).toBe('image_too_large');
  });

  it('takes as much if it has a scan per component', async () => {
    const file = await jpegHeader(9_000, 6_250);
    file[file.indexOf(Buffer.from([0xff, 0xda])) + 4] = 1;
    expect(await codeOf(file)).toBe('image_too_large');
  });

  it('has at most 100 scans', async () => {
    expect(await codeOf(await scanBomb(50))).toBe('accepted');
    expect(await codeOf(await scanBomb(101))).toBe('image_too_large');
  });

  it('does not block the event loop, whatever its bytes are', async () => {
    const file = await jpeg();
    for (const bytes of ['ff', 'ff00', 'ff01', 'ffd0']) {
      const hostile = Buffer.concat([file.subarray(0, -2), Buffer.alloc(2_000_000, bytes, 'hex'), file.subarray(-2)]);
      let turns = 0;
      let isDone = false;
      const count = (): unknown => isDone || (turns++, setImmediate(count));
      count();
      await inspectImage(hostile);
      isDone = true;
      expect([bytes, turns > 40]).toEqual([bytes, true]);
    }
  });

  it('has at most 2,000 segments', async () => {
    const file = await jpeg();
    const segment = Buffer.from([0xff, 0xef, 0, 2]);
    const withSegments = (count: number): Buffer =>
      Buffer.concat([file.subarray(0, 2), ...Array.from({ length: count }, () => segment), file.subarray(2)]);
    expect(await codeOf(withSegments(1_000))).toBe('accepted');
    expect(await codeOf(withSegments(2_000))).toBe('invalid_image');
  });

  it('is read past thumbnails, restart markers and padding', async () => {
    const file = await jpeg();
    const thumbnail = Buffer.concat([Buffer.from([0xff, 0xff, 0xe1, 0, 0]), file]);
    thumbnail.writeUInt16BE(thumbnail.length - 3, 3);
    expect(await codeOf(Buffer.concat([file.subarray(0, 2), thumbnail, file.subarray(2)]))).toBe('accepted');
    const sos = file.indexOf(Buffer.from([0xff, 0xda]));
    const restarts = Buffer.from([0xff, 0xd0, 0xff, 0, 0xff, 0xd7]);
    expect(await codeOf(Buffer.concat([file.subarray(0, sos + 14), restarts, file.subarray(sos + 14)]))).toBe(
      'accepted',
    );
  });

  it('ends with its end marker, which may be missing', async () => {
    const file = await jpeg();
    const video = Buffer.from('\0\0\0\x18ftypmp42', 'latin1');
    for (const variant of [file, Buffer.concat([file, video]), Buffer.concat([file, file]), file.subarray(0, -2)])
      expect((await inspectImage(variant)).file.equals(file)).toBe(true);
  });

  it('is refused with two frames, an unsupported coding, no scan or no pixels', async () => {
    const file = await jpeg();
    const at = file.indexOf(Buffer.from([0xff, 0xc0]));
    const end = at + 2 + file.readUInt16BE(at + 2);
    expect(await codeOf(Buffer.concat([file.subarray(0, end), file.subarray(at)]))).toBe('invalid_image');
    const arithmetic = Buffer.from(file);
    arithmetic[at + 1] = 0xc9;
    expect(await codeOf(arithmetic)).toBe('invalid_image');
    expect(await codeOf(file.subarray(0, end))).toBe('invalid_image');
    expect(await codeOf(await jpegHeader(0, 40))).toBe('invalid_image');
  });
});

it.each(['heic', 'heix', 'hevc', 'mif1'])('A photo of an iPhone (%s) is refused with a hint', async (brand) => {
  const heic = Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1heic`, 'latin1');
  await expect(inspectImage(heic)).rejects.toThrow(/HEIC photos are not supported.*iPhone/);
});

describe('A PNG', () => {
  it('takes as many rows as are buffered, and all if it is interlaced', async () => {
    expect((await inspectImage(png({ width: 8_000, height: 6_250, depth: 16 }))).decodeBytes).toBe(8_000 * 8 * 1_500);
    expect((await inspectImage(png({ width: 8_000, height: 6_250, colourType: 3, depth: 1 }))).decodeBytes).toBe(
      8_000 * 4 * 1_500,
    );
    expect(await codeOf(png({ width: 8_000, height: 6_250, isInterlaced: true }))).toBe('image_too_large');
    expect(await codeOf(png({ width: 65_535, height: 762, depth: 16 }))).toBe('image_too_large');
  });

  it.each([
    [50_000_000, 1],
    [1, 50_000_000],
    [65_536, 1],
    [7_072, 7_072],
  ])('of %d x %d pixels is refused', async (width, height) => {
    expect(await codeOf(png({ width, height, depth: 1, colourType: 0 }))).toBe('image_too_large');
  });

  it('keeps what decoding needs, and loses texts, large profiles and frames', async () => {
    const icc = pngChunk('iCCP', Buffer.from('small'));
    const kept = [icc, pngChunk('PLTE', Buffer.alloc(6)), pngChunk('tRNS', Buffer.alloc(2))];
    const dropped = ['tEXt', 'zTXt', 'iTXt', 'acTL', 'fcTL', 'fdAT', 'iCCP'].map((type) =>
      pngChunk(type, Buffer.alloc(40)),
    );
    const size = { width: 2, height: 2, colourType: 3, pixelBytes: 6 };
    const { file } = await inspectImage(png({ ...size, extra: [...kept, ...dropped] }));
    expect(file.equals(png({ ...size, extra: kept }))).toBe(true);
    expect((await inspectImage(textBomb(3))).file.equals(png({ width: 2, height: 2, pixelBytes: 18 }))).toBe(true);
  });

  it('is refused without its end, its header or with too many chunks', async () => {
    const whole = png({ width: 2, height: 2, pixelBytes: 18 });
    expect(await codeOf(whole)).toBe('accepted');
    expect(await codeOf(whole.subarray(0, -1))).toBe('invalid_image');
    expect(await codeOf(whole.subarray(0, 20))).toBe('invalid_image');
    const empty = Array.from({ length: 20_000 }, () => pngChunk('IDAT', Buffer.alloc(0)));
    expect(await codeOf(png({ width: 2, height: 2, extra: empty }))).toBe('invalid_image');
  });
});

describe('A WebP', () => {
  /** The start of the bitstream, with its dimensions. */
  const lossless = (width: number, height: number): Buffer => {
    const data = Buffer.alloc(5, 0x2f);
    data.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 1);
    return webpChunk('VP8L', data);
  };
  const lossy = (width: number, height: number): Buffer => {
    const data = Buffer.from([0, 0, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0]);
    data.writeUInt16LE(width, 6);
    data.writeUInt16LE(height, 8);
    return webpChunk('VP8 ', data);
  };

  it('takes all pixels if it is lossless or transparent', async () => {
    expect((await inspectImage(webp(lossless(4_000, 3_000)))).decodeBytes).toBe(48 * MEGABYTE);
    expect(await codeOf(webp(lossless(8_000, 6_250)))).toBe('image_too_large');
    expect((await inspectImage(webp(lossy(8_000, 6_250)))).decodeBytes).toBeLessThan(10 * MEGABYTE);
    const alpha = webpChunk('ALPH', Buffer.alloc(4));
    expect(await codeOf(webp(canvas(8_000, 6_250, 0x10), alpha, lossy(8_000, 6_250)))).toBe('image_too_large');
    expect(await codeOf(webp(lossy(10_000, 10_000)))).toBe('image_too_large');
  });

  it('keeps only the first frame of an animation', async () => {
    const { file } = await inspectImage(await frameBomb(10_000));
    expect(file.equals(await frameBomb(1))).toBe(true);
    expect(await sharp(file).metadata()).toMatchObject({ width: 40, height: 40 });
    expect(await codeOf(await frameBomb(1, 8_000, 6_000))).toBe('image_too_large');
    expect(await codeOf(webp(canvas(40, 40, 2)))).toBe('invalid_image');
  });

  it('loses XMP, unknown chunks and the flags of what it has lost', async () => {
    const pixel = (await (await corners(2, 2)).webp({ lossless: true }).toBuffer()).subarray(12);
    const extra = ['XMP ', 'ABCD'].map((type) => webpChunk(type, Buffer.alloc(3)));
    const exif = webpChunk('EXIF', Buffer.alloc(65 * 1024));
    const { file } = await inspectImage(webp(canvas(2, 2, 0x2c), pixel, ...extra, exif));
    expect(file.equals(webp(canvas(2, 2, 0), pixel))).toBe(true);
  });

  it('is refused if it is truncated, without pixels or with too many chunks', async () => {
    expect(await codeOf(webp(lossless(2, 2)).subarray(0, -3))).toBe('invalid_image');
    expect(await codeOf(webp(canvas(2, 2, 0)))).toBe('invalid_image');
    // the size of the second would be checked, and the first decoded
    expect(await codeOf(webp(canvas(2, 2, 0), lossless(2, 2), lossy(2, 2)))).toBe('invalid_image');
    expect(await codeOf(webp())).toBe('invalid_image');
    const chunks = Array.from({ length: 100 }, () => webpChunk('ABCD', Buffer.alloc(0)));
    expect(await codeOf(webp(canvas(2, 2, 0), ...chunks, lossless(2, 2)))).toBe('invalid_image');
  });
});

it('Random bytes after a signature are never an error of the parser', async () => {
  const starts = ['\xff\xd8\xff\xe0', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0'];
  for (let round = 0; round < 3_000; round++) {
    const start = Buffer.from(starts[round % 3]!, 'latin1');
    const file = Buffer.concat([start, Buffer.from(Array.from({ length: round % 97 }, () => Math.random() * 256))]);
    expect(['accepted', 'invalid_image', 'image_too_large']).toContain(await codeOf(file));
  }
});
