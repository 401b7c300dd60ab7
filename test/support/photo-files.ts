import type { Sharp } from 'sharp';
import { pngChunk } from './image-bombs.js';

/** Files as cameras, phones and image editors write them, which the image library cannot write itself. */

const [SOI, EOI] = [Buffer.from([0xff, 0xd8]), Buffer.from([0xff, 0xd9])];

function jpegSegment(marker: number, data: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.from([0xff, marker, 0, 0]), data]);
  bytes.writeUInt16BE(data.length + 2, 2);
  return bytes;
}

/** CIPA DC-007: the index of a multi-picture file, in which the second picture follows the first one. */
function pictureIndex(sizes: [number, number]): Buffer {
  const entry = (type: number, tag: number, count: number, value: number): Buffer => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt16BE(tag, 0);
    bytes.writeUInt16BE(type, 2);
    bytes.writeUInt32BE(count, 4);
    bytes.writeUInt32BE(value, 8);
    return bytes;
  };
  const picture = (attribute: number, length: number, offset: number): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32BE(attribute, 0);
    bytes.writeUInt32BE(length, 4);
    bytes.writeUInt32BE(offset, 8);
    return bytes;
  };
  return Buffer.concat([
    Buffer.from('MPF\0MM\0*\0\0\0\x08\0\x03', 'latin1'),
    entry(7, 0xb000, 4, 0x30313030),
    entry(4, 0xb001, 1, 2),
    entry(7, 0xb002, 32, 50),
    Buffer.alloc(4),
    picture(0x20030000, sizes[0], 0),
    // from the byte order mark, which stands behind the start of the file and of the segment
    picture(0, sizes[1], sizes[0] - 10),
  ]);
}

/** A multi-picture file, such as a stereo photo, or a photo with its preview. */
export function multiPicture(first: Buffer, second: Buffer, extra: Buffer[] = []): Buffer {
  const rest = Buffer.concat([...extra, first.subarray(2)]);
  const indexOf = (firstLength: number): Buffer => jpegSegment(0xe2, pictureIndex([firstLength, second.length]));
  return Buffer.concat([SOI, indexOf(SOI.length + indexOf(first.length).length + rest.length), rest, second]);
}

/** A photo with a gain map for bright displays (Ultra HDR, ISO 21496-1), as Android phones take it. */
export function ultraHdr(photo: Buffer, gainMap: Buffer): Buffer {
  const xmp = (attributes: string): Buffer =>
    jpegSegment(
      0xe1,
      Buffer.from(
        'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ' +
          'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" ' +
          `xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" ${attributes}/></rdf:RDF></x:xmpmeta>`,
      ),
    );
  const map = Buffer.concat([SOI, xmp('hdrgm:GainMapMax="2" hdrgm:HDRCapacityMax="2"'), gainMap.subarray(2)]);
  const iso = jpegSegment(0xe2, Buffer.from('urn:iso:std:iso:ts:21496:-1\0\0\0\0\0', 'latin1'));
  return multiPicture(photo, map, [xmp(''), iso]);
}

/**
 * A JPEG of inks in Adobe's YCCK (Adobe Technical Note 5116), as Photoshop writes it for print: the colours of an RGB file,
 * which have to be inverted, and no black.
 */
export async function ycck(image: Sharp): Promise<Buffer> {
  const options = { quality: 100, chromaSubsampling: '4:4:4' };
  const inks = segmentsOf(await image.clone().negate({ alpha: false }).jpeg(options).toBuffer());
  // black is stored inverted
  const black = segmentsOf(await image.clone().linear(0, 255).toColourspace('b-w').jpeg(options).toBuffer());
  const frame = Buffer.from(find(inks, 0xc0));
  const quantization = Buffer.from(find(black, 0xdb));
  quantization[4] = 3;
  // one component more, with a quantization table of its own
  const frame4 = Buffer.concat([frame, Buffer.from([4, 0x11, 3])]);
  frame4.writeUInt16BE(frame.readUInt16BE(2) + 3, 2);
  frame4[9] = 4;
  const scan = Buffer.from(find(black, 0xda));
  // the component of the scan
  scan[5] = 4;
  const only = (segments: Buffer[], ...markers: number[]): Buffer[] =>
    segments.filter((segment) => markers.includes(segment[1]!));
  return Buffer.concat([
    SOI,
    jpegSegment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\x02', 'latin1')),
    ...only(inks, 0xdb),
    quantization,
    frame4,
    ...only(inks, 0xc4, 0xda),
    ...only(black, 0xc4),
    scan,
    EOI,
  ]);
}

/** Without the markers of start and end; a scan includes its data. */
function segmentsOf(file: Buffer): Buffer[] {
  const segments: Buffer[] = [];
  for (let at = 2; file[at + 1] !== EOI[1]; at += segments.at(-1)!.length) {
    const isScan = file[at + 1] === 0xda;
    const end = isScan ? file.length - EOI.length : at + 2 + file.readUInt16BE(at + 2);
    segments.push(file.subarray(at, end));
  }
  return segments;
}

const find = (segments: Buffer[], marker: number): Buffer => segments.find((segment) => segment[1] === marker)!;

/** An animation whose first frame is the image, and whose second one is `next`; both of the same size. */
export async function animatedPng(image: Sharp, next: Sharp): Promise<Buffer> {
  const [first, second] = [await image.png().toBuffer(), await next.png().toBuffer()];
  const { width, height } = await image.metadata();
  const frameControl = (sequence: number): Buffer => {
    const data = Buffer.alloc(26);
    [sequence, width, height].forEach((value, n) => data.writeUInt32BE(value, 4 * n));
    data.writeUInt16BE(100, 20);
    data.writeUInt16BE(1_000, 22);
    return pngChunk('fcTL', data);
  };
  const pixels = (file: Buffer): Buffer[] => {
    const found: Buffer[] = [];
    for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
      if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
        found.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
    return found;
  };
  const start = first.indexOf('IDAT') - 4;
  const control = Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]);
  return Buffer.concat([
    first.subarray(0, start),
    pngChunk('acTL', control),
    frameControl(0),
    ...pixels(first).map((data) => pngChunk('IDAT', data)),
    frameControl(1),
    ...pixels(second).map((data, n) => pngChunk('fdAT', Buffer.concat([Buffer.from([0, 0, 0, n + 2]), data]))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}
