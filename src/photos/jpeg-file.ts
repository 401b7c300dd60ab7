import { setImmediate } from 'node:timers/promises';
import { Problem } from '../problems/problem.js';
import { checkPixels, type InspectedImage } from './inspected-image.js';

/** The largest sensors of phones; the decoder scales while it reads, so that only progressive files need much memory. */
const MAX_PIXELS = 200_000_000;
/**
 * Every scan of a progressive file makes the decoder pass over the whole image, even if the scan is empty. Encoders
 * write about 10.
 */
const MAX_SCANS = 100;
/** libjpeg keeps the segments in a list that it walks for every addition. Metadata takes a few hundred at most. */
const MAX_SEGMENTS = 2_000;
/** Rows that decoder and resizing hold at a time. */
const BUFFERED_ROWS = 64;
const BYTES_PER_COEFFICIENT = 2;

/** Bytes of 0xff that are looked at in one turn of the event loop: a hostile file consists of nothing else. */
const STEPS_PER_TURN = 20_000;

const [DHT, JPG, DAC, EOI, SOS] = [0xc4, 0xc8, 0xcc, 0xd9, 0xda];
const [FIRST_SOF, LAST_SOF] = [0xc0, 0xcf];
/** Baseline, extended sequential and progressive, all with Huffman codes (ITU-T T.81, table B.1). */
const [SUPPORTED_SOF, PROGRESSIVE_SOF] = [[0xc0, 0xc1, 0xc2], 0xc2];

interface Frame {
  isProgressive: boolean;
  width: number;
  components: number;
  coefficients: number;
}

/** Reads the segments of a JPEG (ITU-T T.81, annex B). */
export async function inspectJpeg(file: Buffer): Promise<InspectedImage> {
  const markers = new Markers(file);
  let frame: Frame | undefined;
  let scans = 0;
  let needsAllCoefficients = false;
  let segments = 0;
  let at = await markers.next(2);
  while (at < file.length && file[at] !== EOI) {
    const marker = file[at]!;
    const end = at + 1 + (at + 3 <= file.length ? file.readUInt16BE(at + 1) : 0);
    if (end < at + 3 || end > file.length || ++segments > MAX_SEGMENTS) throw new Problem('invalid_image');
    const segment = file.subarray(at + 3, end);
    if (isStartOfFrame(marker)) {
      if (frame) throw new Problem('invalid_image');
      frame = readFrame(marker, segment);
    } else if (marker === SOS) {
      if (!frame) throw new Problem('invalid_image');
      if (++scans > MAX_SCANS) throw new Problem('image_too_large');
      needsAllCoefficients ||= frame.isProgressive || segment[0] !== frame.components;
    }
    at = await markers.next(end);
  }
  if (!frame || scans === 0) throw new Problem('invalid_image');
  const decodeBytes = needsAllCoefficients
    ? frame.coefficients * BYTES_PER_COEFFICIENT
    : frame.width * frame.components * BUFFERED_ROWS;
  return { file: completed(file, at), decodeBytes };
}

/**
 * Without what follows the end marker, such as the video of a motion photo or the other images of a multi-picture file.
 * Some cameras and tools omit the marker, which browsers accept: a decoder takes the file for truncated.
 */
const completed = (file: Buffer, end: number): Buffer =>
  end < file.length ? file.subarray(0, end + 1) : Buffer.concat([file, Buffer.from([0xff, EOI])]);

class Markers {
  private steps = 0;

  constructor(private readonly file: Buffer) {}

  /**
   * The position after the next 0xff that begins a segment. Skips compressed data, in which 0xff is followed by 0 or by a
   * restart marker, and reserved markers (below 0xc0), which libjpeg skips there too.
   */
  async next(from: number): Promise<number> {
    const { file } = this;
    for (let at = file.indexOf(0xff, from); at >= 0; at = file.indexOf(0xff, at + 1)) {
      const marker = file[at + 1] ?? 0;
      if (marker >= FIRST_SOF && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7)) return at + 1;
      if (++this.steps % STEPS_PER_TURN === 0) await setImmediate();
    }
    return file.length;
  }
}

const isStartOfFrame = (marker: number): boolean =>
  marker >= FIRST_SOF && marker <= LAST_SOF && marker !== DHT && marker !== JPG && marker !== DAC;

function readFrame(marker: number, segment: Buffer): Frame {
  const components = segment[5] ?? 0;
  const isSupported = SUPPORTED_SOF.includes(marker) && segment[0] === 8 && components >= 1 && components <= 4;
  if (!isSupported || segment.length < 6 + 3 * components) throw new Problem('invalid_image');
  const [height, width] = [segment.readUInt16BE(1), segment.readUInt16BE(3)];
  checkPixels(width, height, MAX_PIXELS);
  const factors = Array.from({ length: components }, (_, index) => {
    const factor = segment[7 + 3 * index]!;
    return { horizontal: factor >> 4, vertical: factor & 15 };
  });
  if (factors.some(({ horizontal, vertical }) => !isFactor(horizontal) || !isFactor(vertical)))
    throw new Problem('invalid_image');
  const columns = Math.ceil(width / 8 / Math.max(...factors.map(({ horizontal }) => horizontal)));
  const rows = Math.ceil(height / 8 / Math.max(...factors.map(({ vertical }) => vertical)));
  const blocksPerUnit = factors.reduce((sum, { horizontal, vertical }) => sum + horizontal * vertical, 0);
  const coefficients = columns * rows * blocksPerUnit * 64;
  return { isProgressive: marker === PROGRESSIVE_SOF, width, components, coefficients };
}

const isFactor = (value: number): boolean => value >= 1 && value <= 4;
