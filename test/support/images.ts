import sharp, { type OverlayOptions, type Sharp } from 'sharp';

/** Real images, created when a test needs them. */

const CORNERS = { red: '#f00', green: '#0f0', blue: '#00f', white: '#fff' };
type Colour = keyof typeof CORNERS;

const plain = (width: number, height: number, background: string): Sharp =>
  sharp({ create: { width, height, channels: 3, background } });

/** An image with a colour in each corner: red and green at the top, blue and white at the bottom. */
export async function corners(width = 60, height = 40): Promise<Sharp> {
  const half = { width: width / 2, height: height / 2 };
  const at = async (colour: Colour, left: number, top: number): Promise<OverlayOptions> => ({
    input: await plain(half.width, half.height, CORNERS[colour]).png().toBuffer(),
    left,
    top,
  });
  const parts = await Promise.all([
    at('red', 0, 0),
    at('green', half.width, 0),
    at('blue', 0, half.height),
    at('white', half.width, half.height),
  ]);
  return sharp(await plain(width, height, '#000').composite(parts).png().toBuffer());
}

/** Returns the colours in the corners: top left, top right, bottom left, bottom right. */
export async function cornersOf(image: Buffer): Promise<Colour[]> {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  // the nearest one, as conversion between colour spaces shifts colours
  const colourAt = (x: number, y: number): Colour => {
    const pixel = data.subarray((y * info.width + x) * info.channels);
    const distance = (colour: string): number =>
      [1, 2, 3].reduce((sum, at) => sum + (pixel[at - 1]! - parseInt(colour[at]!, 16) * 17) ** 2, 0);
    const byDistance = Object.entries(CORNERS).sort(([, one], [, other]) => distance(one) - distance(other));
    return byDistance[0]![0] as Colour;
  };
  const [right, below] = [info.width - 3, info.height - 3];
  return [colourAt(2, 2), colourAt(right, 2), colourAt(2, below), colourAt(right, below)];
}

/** A JPEG with metadata, including a GPS position, as a phone takes it. */
export const located = async (image: Sharp, orientation = 1): Promise<Buffer> =>
  image
    .withExif({
      IFD0: { Artist: 'Ana María', Software: 'telephone' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '41/1 24/1 12/1', GPSLongitudeRef: 'E', GPSLongitude: '2/1 10/1 26/1' },
    })
    .withMetadata({ orientation })
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer();

export const jpeg = async (width = 60, height = 40): Promise<Buffer> =>
  (await corners(width, height)).jpeg().toBuffer();

let count = 0;
/** A photo that no other test uses. */
export function anotherJpeg(): Promise<Buffer> {
  count++;
  return plain(40 + (count % 500), 30 + Math.floor(count / 500), '#369')
    .jpeg()
    .toBuffer();
}

/** The same noise in every run: whether damage to an image is noticed depends on its bits. */
export function constantNoise(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  let state = 1;
  // Numerical Recipes' linear congruential generator
  for (let n = 0; n < pixels.length; n++)
    pixels[n] = (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** Noise, which barely compresses. */
export const noise = (width: number, height: number): Sharp =>
  sharp({
    create: { width, height, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 40 } },
  });
