import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Customer } from '../../client/src/index.js';
import { type Answer, at, type Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { form, photoFile } from '../support/forms.js';
import { anotherJpeg, corners, cornersOf, jpeg, located } from '../support/images.js';
import { refusalOf } from '../support/refusals.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const JPEG = { headers: { 'content-type': 'image/jpeg' } };
const HOUR_MS = 60 * 60 * 1000;

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());
  afterEach(() => service.clock.reset());

  const files = (): string[] => {
    try {
      return readdirSync(join(service.dataDir, 'photos'));
    } catch {
      return [];
    }
  };
  const filesOf = (url: string): string[] => {
    const key = /\/([\da-f]{32}-[\da-f]{32})/.exec(url)![1]!;
    return files().filter((file) => file.startsWith(key));
  };
  const rowOf = async (id: number): Promise<any> =>
    (await service.dataSource.query('SELECT * FROM customers WHERE id = ?', [id]))[0];

  /** Like an `<img>`: without headers. */
  async function load(url: string, init?: RequestInit): Promise<{ status: number; headers: Headers; bytes: Buffer }> {
    const { status, headers, ...response } = await fetch(url, init).then(async (answer) => ({
      status: answer.status,
      headers: answer.headers,
      bytes: Buffer.from(await answer.arrayBuffer()),
    }));
    return { status, headers, ...response };
  }

  async function createWithPhoto(photo?: Buffer): Promise<Customer & { photo: NonNullable<Customer['photo']> }> {
    const customer = await user.crm.createCustomer(newCustomer(), photoFile(photo ?? (await anotherJpeg())));
    return { ...customer, photo: customer.photo! };
  }

  const setPhoto = (customer: Pick<Customer, 'id' | 'version'>, photo: Buffer): Promise<Customer> =>
    user.crm.setPhoto(customer, photoFile(photo));
  const put = (id: number, photo: Buffer): Promise<Answer> => user.put(`/customers/${id}/photo`, photo, JPEG);

  /** Uploads a photo and returns both stored sizes. */
  async function stored(upload: Buffer): Promise<{ photo: any; large: Buffer; small: Buffer }> {
    const { photo } = await createWithPhoto(upload);
    return { photo, large: (await load(photo.url)).bytes, small: (await load(photo.thumbnailUrl)).bytes };
  }

  describe('setting the photo of a customer', () => {
    it('creates a customer with its photo in one request', async () => {
      const values = newCustomer({ company: 'Cruz & Hijos', notes: 'First line\nsecond — línea' });
      const { status, body, headers } = await user.post('/customers', form(values, await jpeg(600, 400)));
      expect(status).toBe(201);
      expect(body).toMatchObject({ ...values, version: 1, photo: { width: 600, height: 400 } });
      expect(headers.get('location')).toBe(`/customers/${body.id}`);
      expect(await user.crm.getCustomer(body.id)).toEqual(body);
      const { data } = await user.crm.GET('/customers', { params: { query: { limit: 1 } } });
      expect(data.data[0]).toEqual(body);
    });

    it('accepts a form without a photo, and treats empty fields as missing', async () => {
      const { status, body } = await user.post('/customers', form({ ...newCustomer(), phone: '', company: '' }));
      expect(status).toBe(201);
      expect(body).toMatchObject({ phone: null, company: null, photo: null });
    });

    it.each([
      ['an image', (photo: Buffer) => [photo, JPEG] as const],
      ['a form', (photo: Buffer) => [form({}, photo), undefined] as const],
    ])('accepts the photo as %s', async (_, request) => {
      const customer = await user.crm.createCustomer(newCustomer());
      const [body, options] = request(await anotherJpeg());
      const answer = await user.put(`/customers/${customer.id}/photo`, body, options);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ version: 2, lastModifiedBy: user.id, photo: { width: expect.any(Number) } });
      expect(answer.headers.get('etag')).toBe('"v2"');
      expect(await rowOf(customer.id)).toMatchObject({ version: 2, photo_width: answer.body.photo.width });
    });

    it('records the hash of the photo in the history, not its URL', async () => {
      const customer = await createWithPhoto();
      const replaced = await setPhoto(customer, await anotherJpeg());
      await user.crm.DELETE('/customers/{id}/photo', at(customer.id));
      const { data } = await user.crm.GET('/customers/{id}/history', at(customer.id));
      const [first, second] = [customer, replaced].map(({ photo }) => photo!.url.split('/').at(-1)!.slice(0, 32));
      expect(data.data.map(({ action, changes }) => [action, changes.photo])).toEqual([
        ['photo_removed', [second, null]],
        ['photo_changed', [first, second]],
        ['created', [null, first]],
      ]);
    });

    it('writes nothing if the photo is the same', async () => {
      const photo = await anotherJpeg();
      const customer = await createWithPhoto(photo);
      const before = files();
      expect(await setPhoto(customer, photo)).toEqual(customer);
      expect(files()).toEqual(before);
    });

    it('stores the same photo of two customers twice: deleting one keeps the other', async () => {
      const photo = await anotherJpeg();
      const [one, other] = [await createWithPhoto(photo), await createWithPhoto(photo)];
      expect((await user.crm.DELETE('/customers/{id}/photo', at(one.id))).data.photo).toBeNull();
      expect((await load(other.photo.url)).status).toBe(200);
    });

    it('honours If-Match, and leaves no files of a refused upload', async () => {
      const customer = await createWithPhoto();
      const before = files();
      const outdated = setPhoto({ ...customer, version: 7 }, await anotherJpeg());
      expect(await refusalOf(outdated)).toMatchObject({ status: 412, code: 'version_conflict', currentVersion: 1 });
      expect(files()).toEqual(before);
      expect((await setPhoto(customer, await anotherJpeg())).version).toBe(2);
    });

    it('responds 404 for unknown and deleted customers', async () => {
      const customer = await createWithPhoto();
      await user.crm.deleteCustomer(customer);
      for (const id of [customer.id, 2 ** 31 - 1]) {
        const refusal = await refusalOf(setPhoto({ ...customer, id }, await anotherJpeg()));
        expect(refusal).toMatchObject({ status: 404, code: 'customer_not_found' });
      }
    });

    it('creates neither customer nor photo if the e-mail is taken', async () => {
      const { email } = await createWithPhoto();
      const before = files();
      const taken = user.crm.createCustomer(newCustomer({ email }), photoFile(await anotherJpeg()));
      expect(await refusalOf(taken)).toMatchObject({ status: 409, code: 'email_taken' });
      expect(files()).toEqual(before);
    });

    it('replays the first response to a retry, and keeps one photo', async () => {
      const [values, photo] = [newCustomer(), await anotherJpeg()];
      const options = { headers: { 'idempotency-key': `photo-${values.email}` } };
      const first = await user.post('/customers', form(values, photo), options);
      const before = files();
      const again = await user.post('/customers', form(values, photo), options);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(again.body).toEqual(first.body);
      expect(files()).toEqual(before);
      const other = await user.post('/customers', form(values, await anotherJpeg()), options);
      expect({ status: other.status, code: other.body.code }).toEqual({ status: 422, code: 'idempotency_key_reused' });
      expect(files()).toEqual(before);
    });

    it('keeps the last of several concurrent photos for one customer, and no files of the others', async () => {
      const customer = await createWithPhoto();
      const photos = await Promise.all(Array.from({ length: 8 }, anotherJpeg));
      const answers = await Promise.all(photos.map((photo) => put(customer.id, photo)));
      expect(answers.map(({ status }) => status)).toEqual(photos.map(() => 200));
      const body = await user.crm.getCustomer(customer.id);
      expect(body.version).toBe(9);
      expect(answers.flatMap((answer) => filesOf(answer.body.photo.url)).sort()).toEqual(
        filesOf(body.photo!.url).sort(),
      );
      expect(filesOf(body.photo!.url)).toHaveLength(2);
    });
  });

  describe('the stored photo', () => {
    it('is WebP, at most 2048 and 256 pixels, and never larger than the upload', async () => {
      const { photo, large, small } = await stored(await jpeg(3000, 1500));
      expect(await sharp(large).metadata()).toMatchObject({ format: 'webp', width: 2048, height: 1024 });
      expect(await sharp(small).metadata()).toMatchObject({ format: 'webp', width: 256, height: 128 });
      expect(photo).toMatchObject({ width: 2048, height: 1024 });
      expect(await sharp((await stored(await jpeg(100, 60))).small).metadata()).toMatchObject({
        width: 100,
        height: 60,
      });
    });

    it.each([
      [1, 'red green blue white'],
      [2, 'green red white blue'],
      [3, 'white blue green red'],
      [4, 'blue white red green'],
      [5, 'red blue green white'],
      [6, 'blue red white green'],
      [7, 'white green blue red'],
      [8, 'green white red blue'],
    ])('is rotated upright from orientation %d', async (orientation, expected) => {
      const { large, small } = await stored(await located(await corners(), orientation));
      expect((await cornersOf(large)).join(' ')).toBe(expected);
      expect((await cornersOf(small)).join(' ')).toBe(expected);
      expect(await sharp(large).metadata()).toMatchObject(
        orientation > 4 ? { width: 40, height: 60 } : { width: 60, height: 40 },
      );
    });

    it('has no metadata, such as location or author', async () => {
      const sent = await located(await corners());
      expect(sent.includes('telephone')).toBe(true);
      const { large, small } = await stored(sent);
      for (const image of [large, small]) {
        const { exif, xmp, iptc, icc, orientation } = await sharp(image).metadata();
        expect({ exif, xmp, iptc, icc, orientation }).toEqual({});
        expect(image.includes('telephone')).toBe(false);
      }
    });

    it.each<[string, () => Promise<Buffer>]>([
      ['a CMYK JPEG', async () => (await corners()).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()],
      ['a PNG of 16 bits', async () => (await corners()).toColourspace('rgb16').png().toBuffer()],
      ['a WebP', async () => (await corners()).webp({ lossless: true }).toBuffer()],
      ['a progressive JPEG', async () => (await corners()).jpeg({ progressive: true, quality: 100 }).toBuffer()],
      ['a PNG with a palette', async () => (await corners()).png({ palette: true }).toBuffer()],
    ])('has the right colours from %s', async (_, make) => {
      const { large } = await stored(await make());
      expect(await cornersOf(large)).toEqual(['red', 'green', 'blue', 'white']);
      expect(await sharp(large).metadata()).toMatchObject({ space: 'srgb', depth: 'uchar' });
    });

    it('keeps transparency', async () => {
      const clear = sharp({
        create: { width: 50, height: 50, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
      });
      const { large } = await stored(await clear.png().toBuffer());
      const [, , , alpha] = await sharp(large).raw().toBuffer();
      expect(alpha).toBe(0);
    });

    it('is the first frame of an animation', async () => {
      const frames = await Promise.all(
        ['#f00', '#00f'].map((background) =>
          sharp({ create: { width: 40, height: 40, channels: 3, background } })
            .png()
            .toBuffer(),
        ),
      );
      const moving = await sharp(frames, { join: { animated: true } })
        .webp({ loop: 0, delay: 100 })
        .toBuffer();
      expect((await sharp(moving).metadata()).pages).toBe(2);
      const { large } = await stored(moving);
      expect(await sharp(large).metadata()).toMatchObject({ width: 40, height: 40 });
      expect((await sharp(large).metadata()).pages ?? 1).toBe(1);
      expect((await cornersOf(large))[0]).toBe('red');
    });

    it('drops data after the end of the image', async () => {
      const hidden = Buffer.from('PK\u0003\u0004<script>alert(1)</script>');
      const { large, small } = await stored(Buffer.concat([await anotherJpeg(), hidden]));
      for (const image of [large, small]) expect(image.includes('<script>')).toBe(false);
    });

    it('has a file name that starts with the hash of its content', async () => {
      const { photo, large } = await stored(await anotherJpeg());
      const hash = createHash('sha256').update(large).digest('hex').slice(0, 32);
      expect(photo.url).toContain(`/${hash}-`);
    });
  });

  describe('reading a photo', () => {
    it('needs no header, and sends headers that allow only an image', async () => {
      const { photo } = await createWithPhoto();
      for (const url of [photo.url, photo.thumbnailUrl]) {
        const { status, headers, bytes } = await load(url);
        expect(status).toBe(200);
        expect(bytes.subarray(8, 12).toString()).toBe('WEBP');
        expect(headers.get('content-type')).toBe('image/webp');
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
        expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
        expect(headers.get('cache-control')).toMatch(/^private, max-age=\d+, immutable$/);
      }
      const head = await load(photo.url, { method: 'HEAD' });
      expect({ status: head.status, type: head.headers.get('content-type'), bytes: head.bytes.length }).toEqual({
        status: 200,
        type: 'image/webp',
        bytes: 0,
      });
    });

    it('has a URL that stays the same for six hours, so that browsers can cache it', async () => {
      const { id } = await createWithPhoto();
      const windowMs = 6 * HOUR_MS;
      // the start of a window
      service.clock.forward(windowMs - (service.clock.now().getTime() % windowMs));
      const address = async (): Promise<string> => {
        return (await (await service.user()).crm.getCustomer(id)).photo!.url;
      };
      const first = await address();
      service.clock.forward(windowMs - 60_000);
      expect(await address()).toBe(first);
      service.clock.forward(60_000);
      expect(await address()).not.toBe(first);
      service.clock.forward(18 * HOUR_MS - 1_000);
      expect((await load(first)).status).toBe(200);
      service.clock.forward(1_000);
      expect((await load(first)).status).toBe(404);
    });

    it.each([
      ['another signature', (url: URL) => url.searchParams.set('signature', 'A'.repeat(22))],
      [
        'a truncated signature',
        (url: URL) => url.searchParams.set('signature', url.searchParams.get('signature')!.slice(0, 16)),
      ],
      [
        'a later expiry',
        (url: URL) => url.searchParams.set('expires', String(Number(url.searchParams.get('expires')) + 1)),
      ],
      ['another customer', (url: URL) => (url.pathname = url.pathname.replace(/\/photos\/\d+/, '/photos/2147483647'))],
      ['a path as file name', (url: URL) => (url.pathname = url.pathname.replace(/[^/]+$/, '..%2f..%2fcrm.sqlite'))],
      ['another file name', (url: URL) => (url.pathname = url.pathname.replace('.webp', '.jpg'))],
    ])('responds 404 to a URL with %s', async (_, change) => {
      const url = new URL((await createWithPhoto()).photo.url);
      change(url);
      const { status, headers, bytes } = await load(url.href);
      expect({ status, code: JSON.parse(bytes.toString()).code }).toEqual({ status: 404, code: 'photo_not_found' });
      expect(headers.get('cache-control')).toBe('no-store');
    });

    it.each(['expires', 'signature'])('refuses a URL without %s', async (name) => {
      const url = new URL((await createWithPhoto()).photo.url);
      url.searchParams.delete(name);
      const { status, bytes } = await load(url.href);
      expect({ status, pointer: JSON.parse(bytes.toString()).errors[0].pointer }).toEqual({
        status: 400,
        pointer: name,
      });
    });

    it('stops when the customer is deleted, and works again after a restore', async () => {
      const customer = await createWithPhoto();
      const { id, photo } = customer;
      await user.crm.deleteCustomer(customer);
      for (const url of [photo.url, photo.thumbnailUrl]) expect((await load(url)).status).toBe(404);
      const { data } = await user.crm.GET('/customers', { params: { query: { deleted: true, limit: 1 } } });
      expect(data.data[0]).toMatchObject({ id, photo: null });
      const restored = await user.crm.restoreCustomer(id);
      expect((await load(restored.photo!.url)).status).toBe(200);
    });

    it('stops when the photo is replaced or deleted, and deletes its files', async () => {
      const customer = await createWithPhoto();
      const { id, photo } = customer;
      const replaced = await setPhoto(customer, await anotherJpeg());
      expect((await load(photo.url)).status).toBe(404);
      expect(filesOf(photo.url)).toEqual([]);
      const { data, response } = await user.crm.DELETE('/customers/{id}/photo', at(id));
      expect([response.status, data.photo, data.version]).toEqual([200, null, 3]);
      expect((await load(replaced.photo!.url)).status).toBe(404);
      expect(filesOf(replaced.photo!.url)).toEqual([]);
      expect((await user.crm.DELETE('/customers/{id}/photo', at(id))).data.version).toBe(3);
    });

    it('responds 404 if the file is missing, while the customer stays available', async () => {
      const { id, photo } = await createWithPhoto();
      await service.dataSource.query('UPDATE customers SET photo_key = ? WHERE id = ?', [
        `${'0'.repeat(32)}-${String(id).padStart(32, '0')}`,
        id,
      ]);
      expect((await load((await user.crm.getCustomer(id)).photo!.url)).status).toBe(404);
      expect((await load(photo.url)).status).toBe(404);
    });
  });
});
