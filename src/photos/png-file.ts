import { Problem } from '../problems/problem.js';
import { checkPixels, type InspectedImage } from './inspected-image.js';

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** As in a JPEG. A PNG may declare 2^31 - 1; a single long row takes gigabytes, and very many short ones take seconds. */
const MAX_SIDE = 65_535;
/** Encoders write chunks of 8 KiB and more: 10 MiB are about 1,300. */
const MAX_CHUNKS = 20_000;
/** libvips buffers this many rows at most to scale an image (measured). */
const BUFFERED_ROWS = 1_500;
/**
 * Chunks that decoding needs, with the maximum length of the optional ones. All others are dropped: compressed texts
 * inflate to a thousand times their length, and every text becomes metadata.
 */
const KEPT = new Map([
  ['PLTE', 768],
  ['tRNS', 256],
  ['iCCP', 64 * 1024],
  ['eXIf', 64 * 1024],
]);
/** By colour type; a palette (3) is decoded to RGBA. */
const CHANNELS = new Map([
  [0, 2],
  [2, 4],
  [3, 4],
  [4, 2],
  [6, 4],
]);
const HEADER_LENGTH = 13;

/** Reads the chunks of a PNG (W3C PNG, third edition, section 5) and keeps those that a photo needs. */
export function inspectPng(upload: Buffer): InspectedImage {
  const headerEnd = PNG_SIGNATURE.length + 12 + HEADER_LENGTH;
  if (upload.length < headerEnd || typeAt(upload, PNG_SIGNATURE.length) !== 'IHDR') throw new Problem('invalid_image');
  const decodeBytes = decodeBytesOf(upload.subarray(PNG_SIGNATURE.length + 8, headerEnd - 4));
  const kept = [upload.subarray(0, headerEnd)];
  const seen = new Set<string>();
  for (let at = headerEnd, count = 0; at + 12 <= upload.length && count < MAX_CHUNKS; count++) {
    const length = upload.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > upload.length) break;
    const type = typeAt(upload, at);
    const isOptional = length <= (KEPT.get(type) ?? -1) && !seen.has(type);
    if (type === 'IDAT' || type === 'IEND' || isOptional) kept.push(upload.subarray(at, end));
    if (type === 'IEND') return { file: Buffer.concat(kept), decodeBytes };
    seen.add(type);
    at = end;
  }
  throw new Problem('invalid_image');
}

const typeAt = (file: Buffer, at: number): string => file.toString('latin1', at + 4, at + 8);

function decodeBytesOf(header: Buffer): number {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colourType, interlacing] = [header[8]!, header[9]!, header[12]!];
  const channels = CHANNELS.get(colourType);
  if (channels === undefined) throw new Problem('invalid_image');
  checkPixels(width, height);
  if (Math.max(width, height) > MAX_SIDE) throw new Problem('image_too_large');
  const rowBytes = width * channels * (depth === 16 ? 2 : 1);
  // an interlaced image is complete only after its last pass
  return rowBytes * (interlacing === 0 ? Math.min(height, BUFFERED_ROWS) : height);
}
