import { Problem } from '../problems/problem.js';
import { checkPixels, type InspectedImage } from './inspected-image.js';

/** Still images have at most seven kinds of chunk, mostly once each. */
const MAX_CHUNKS = 100;
/** Chunks that decoding needs, with their maximum length. All others are dropped, such as XMP. */
const KEPT = new Map([
  ['VP8X', 10],
  ['ICCP', 1024 * 1024],
  ['EXIF', 64 * 1024],
  ['ANIM', 6],
  ['ALPH', Infinity],
  ['ANMF', Infinity],
  ['VP8 ', Infinity],
  ['VP8L', Infinity],
]);
/** Bits of the flags in VP8X. */
const FLAGS = { animated: 0x02, exif: 0x08, alpha: 0x10, icc: 0x20 };
const FRAME_HEADER_LENGTH = 16;
const BYTES_PER_PIXEL = 4;
/** The decoder of lossy images scales while it reads. */
const BUFFERED_ROWS = 64;

interface Chunk {
  type: string;
  /** With its header and padding. */
  bytes: Buffer;
  data: Buffer;
}

/** Reads the chunks of a WebP (RFC 9649) up to the end of the first frame, and keeps those that a photo needs. */
export function inspectWebp(upload: Buffer): InspectedImage {
  const kept = new Map<string, Chunk>();
  let count = 0;
  for (const chunk of chunksOf(upload.subarray(12, 8 + upload.readUInt32LE(4)))) {
    if (++count > MAX_CHUNKS) throw new Problem('invalid_image');
    if (chunk.data.length <= (KEPT.get(chunk.type) ?? -1) && !kept.has(chunk.type)) kept.set(chunk.type, chunk);
    // without the other frames: decoders index all of them to show one
    if (chunk.type === 'ANMF') break;
    // the simple formats consist of one chunk
    if (chunk.type.startsWith('VP8') && chunk.type !== 'VP8X' && !kept.has('VP8X')) break;
  }
  const decodeBytes = decodeBytesOf(kept);
  const body = [...kept.values()].map((chunk) => (chunk.type === 'VP8X' ? withFlags(chunk, kept) : chunk.bytes));
  const header = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  header.writeUInt32LE(4 + body.reduce((sum, { length }) => sum + length, 0), 4);
  return { file: Buffer.concat([header, ...body]), decodeBytes };
}

function* chunksOf(bytes: Buffer): Generator<Chunk> {
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32LE(at + 4);
    if (at + 8 + length > bytes.length) throw new Problem('invalid_image');
    const end = at + 8 + length + (length % 2);
    const data = bytes.subarray(at + 8, at + 8 + length);
    yield { type: bytes.toString('latin1', at, at + 4), bytes: bytes.subarray(at, end), data };
    at = end;
  }
}

function decodeBytesOf(chunks: ReadonlyMap<string, Chunk>): number {
  const extended = chunks.get('VP8X')?.data;
  if (!extended) return imageBytes(chunks);
  if (extended.length < 10) throw new Problem('invalid_image');
  const [width, height] = [extended.readUIntLE(4, 3) + 1, extended.readUIntLE(7, 3) + 1];
  checkPixels(width, height);
  if (!(extended[0]! & FLAGS.animated)) return imageBytes(chunks);
  const frame = chunks.get('ANMF')?.data;
  if (!frame || frame.length < FRAME_HEADER_LENGTH) throw new Problem('invalid_image');
  const parts = new Map<string, Chunk>();
  for (const chunk of chunksOf(frame.subarray(FRAME_HEADER_LENGTH))) {
    if (parts.has(chunk.type)) throw new Problem('invalid_image');
    parts.set(chunk.type, chunk);
  }
  // the frame is decoded as a whole, then drawn on the canvas
  return imageBytes(parts) + 2 * width * height * BYTES_PER_PIXEL;
}

/** Memory for the image in `VP8 ` (lossy) or `VP8L` (lossless). */
function imageBytes(chunks: ReadonlyMap<string, Chunk>): number {
  const lossy = chunks.get('VP8 ')?.data;
  const lossless = chunks.get('VP8L')?.data;
  // the decoder takes the first one, whose size would not be the one that is checked
  if (lossy && lossless) throw new Problem('invalid_image');
  if (lossy && lossy.length >= 10) {
    const [width, height] = [lossy.readUInt16LE(6) & 0x3fff, lossy.readUInt16LE(8) & 0x3fff];
    checkPixels(width, height);
    return width * BYTES_PER_PIXEL * (chunks.has('ALPH') ? height : BUFFERED_ROWS);
  }
  if (!lossless || lossless.length < 5) throw new Problem('invalid_image');
  const sizes = lossless.readUInt32LE(1);
  const [width, height] = [(sizes & 0x3fff) + 1, ((sizes >>> 14) & 0x3fff) + 1];
  checkPixels(width, height);
  return width * height * BYTES_PER_PIXEL;
}

/** Removes the flags of dropped chunks. */
function withFlags({ bytes }: Chunk, kept: ReadonlyMap<string, Chunk>): Buffer {
  const copy = Buffer.from(bytes);
  const optional = (kept.has('EXIF') ? FLAGS.exif : 0) | (kept.has('ICCP') ? FLAGS.icc : 0);
  copy[8] = copy[8]! & (FLAGS.animated | FLAGS.alpha | optional);
  return copy;
}
