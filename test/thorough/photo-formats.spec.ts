import sharp, { type Sharp } from 'sharp';
import { PhotoPipeline } from '../../src/photos/photo-pipeline.js';
import { PhotoWorkers } from '../../src/photos/photo-workers.js';
import { corners, cornersOf } from '../support/images.js';
import { animatedPng, multiPicture, ultraHdr, ycck } from '../support/photo-files.js';

const COLOURS = ['red', 'green', 'blue', 'white'];
const JPEG = { quality: 100, chromaSubsampling: '4:4:4' };

describe('A photo', () => {
  const workers = new PhotoWorkers();
  const pipeline = new PhotoPipeline(workers);
  afterAll(() => workers.onApplicationShutdown());

  /** Its corners in another order. */
  const turned = async (): Promise<Sharp> => (await corners()).rotate(180);

  it.each<[string, () => Promise<Buffer>]>([
    [
      'a multi-picture JPEG',
      async () =>
        multiPicture(await (await corners()).jpeg(JPEG).toBuffer(), await (await turned()).jpeg(JPEG).toBuffer()),
    ],
    [
      'an Ultra HDR JPEG',
      async () =>
        ultraHdr(
          await (await corners()).jpeg(JPEG).toBuffer(),
          await (await turned()).greyscale().resize(15, 10).jpeg().toBuffer(),
        ),
    ],
    ['a CMYK JPEG', async () => (await corners()).toColourspace('cmyk').jpeg(JPEG).toBuffer()],
    ['a YCCK JPEG', async () => ycck(await corners())],
    ['a PNG with a palette', async () => (await corners()).png({ palette: true, colours: 4 }).toBuffer()],
    ['a PNG of 16 bits', async () => (await corners()).toColourspace('rgb16').png().toBuffer()],
    ['an interlaced PNG', async () => (await corners()).png({ progressive: true }).toBuffer()],
    ['an animated PNG', async () => animatedPng(await corners(), await turned())],
  ])('from %s has the right colours', async (_, make) => {
    const { large } = await pipeline.render(await make());
    expect(await cornersOf(large)).toEqual(COLOURS);
    expect(await sharp(large).metadata()).toMatchObject({ width: 60, height: 40, space: 'srgb', depth: 'uchar' });
  });

  it.each<[string, (image: Sharp) => Sharp]>([
    ['a JPEG', (image) => image.jpeg(JPEG)],
    ['a PNG', (image) => image.png()],
    ['a WebP', (image) => image.webp({ lossless: true })],
  ])('from %s in Display P3 is converted to sRGB', async (_, encode) => {
    const background = { r: 200, g: 90, b: 60 };
    const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
    const sent = await encode(image.withIccProfile('p3')).toBuffer();
    // the same colour has other values there
    const [red] = await sharp(sent).keepIccProfile().raw().toBuffer();
    expect(red).toBeLessThan(195);
    const { large } = await pipeline.render(sent);
    const stored = [...(await sharp(large).raw().toBuffer()).subarray(0, 3)];
    Object.values(background).forEach((value, n) => expect(Math.abs(stored[n]! - value)).toBeLessThan(6));
    expect((await sharp(large).metadata()).icc).toBeUndefined();
  });

  it.each([
    [2, 'green red white blue'],
    [3, 'white blue green red'],
    [6, 'blue red white green'],
    [8, 'green white red blue'],
  ])('with orientation %d is rotated upright from a PNG and a WebP', async (orientation, expected) => {
    const image = (await corners()).withMetadata({ orientation });
    for (const sent of [await image.png().toBuffer(), await image.webp({ lossless: true }).toBuffer()]) {
      const { large, small } = await pipeline.render(sent);
      for (const stored of [large, small]) {
        expect((await cornersOf(stored)).join(' ')).toBe(expected);
        expect((await sharp(stored).metadata()).exif).toBeUndefined();
      }
    }
  });
});
