import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { jest } from '@jest/globals';
import { PhotoWorkers } from '../../src/photos/photo-workers.js';
import type { Answer, Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { bomb, frameBomb, png, scanBomb, textBomb } from '../support/image-bombs.js';
import { anotherJpeg, constantNoise, corners, jpeg, noise } from '../support/images.js';
import { until } from '../support/program.js';
import { newCustomer, startService, type TestService } from '../support/service.js';
import { open, portOf } from '../support/sockets.js';

const MIB = 1024 * 1024;
const BOUNDARY = 'multipart/form-data; boundary=x';

const part = (disposition: string, body: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`--x\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
    Buffer.from(body),
    Buffer.from('\r\n'),
  ]);
const END = Buffer.from('--x--\r\n');

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };
  let customer: any;

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
    customer = (await user.post('/customers', newCustomer())).body;
  });
  afterAll(() => service.close());

  const path = (): string => `/customers/${customer.id}/photo`;
  const upload = (body: Buffer | FormData, type?: string): Promise<Answer> =>
    user.put(path(), body, type ? { headers: { 'content-type': type } } : undefined);

  /** Everything that an upload could leave behind. */
  const traces = async (): Promise<unknown> => [
    await service.dataSource.query('SELECT COUNT(*) AS customers, SUM(version) AS versions FROM customers'),
    await service.dataSource.query('SELECT COUNT(*) AS entries FROM history'),
    readdirSync(service.dataDir, { recursive: true }).sort(),
    readdirSync(tmpdir()).filter((name) => !name.startsWith('crm-') && /\.(jpe?g|png|webp)$/i.test(name)),
  ];

  async function expectRefused(status: number, code: string, request: () => Promise<Answer>): Promise<Answer> {
    const before = await traces();
    const answer = await request();
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect(await traces()).toEqual(before);
    return answer;
  }

  describe('an upload', () => {
    it.each<[string, () => Promise<Buffer>]>([
      ['an SVG', () => Promise.resolve(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'))],
      ['an SVG with a declaration', () => Promise.resolve(Buffer.from('<?xml version="1.0"?><svg/>'))],
      ['HTML', () => Promise.resolve(Buffer.from('<!doctype html><script>alert(1)</script>'))],
      ['a PDF', () => Promise.resolve(Buffer.from('%PDF-1.7\n%âãÏÓ'))],
      ['a GIF', async () => (await corners()).gif().toBuffer()],
      ['a TIFF', async () => (await corners()).tiff().toBuffer()],
      ['an AVIF', async () => (await corners()).avif({ effort: 0 }).toBuffer()],
      ['a script', () => Promise.resolve(Buffer.from('#!/bin/sh\nrm -rf /\n'))],
      ['one byte', () => Promise.resolve(Buffer.from([0xff]))],
      ['zeros', () => Promise.resolve(Buffer.alloc(4096))],
    ])('of %s is refused, regardless of type and file name', async (_, make) => {
      const file = await make();
      for (const type of ['image/jpeg', 'image/png', 'image/webp'])
        await expectRefused(415, 'unsupported_image', () => upload(file, type));
      for (const name of ['photo.jpg', 'photo.jpg.php', '../../etc/passwd', '"; rm -rf /', ''])
        await expectRefused(415, 'unsupported_image', () => upload(form({}, file, name)));
      await expectRefused(415, 'unsupported_image', () => user.post('/customers', form(newCustomer(), file)));
    });

    it.each(['image/gif', 'image/svg+xml', 'application/pdf', 'text/html', 'application/x-www-form-urlencoded'])(
      'with the type %s is refused unread',
      async (type) => {
        const photo = await jpeg();
        await expectRefused(415, 'unsupported_media_type', () => upload(photo, type));
      },
    );

    it('is recognized by its content, regardless of type and file name', async () => {
      for (const name of ['../../etc/passwd', 'a.svg', 'x'.repeat(500), 'ñ\u202egpj.exe', 'CON', '.htaccess']) {
        const { status } = await upload(form({}, await anotherJpeg(), name));
        expect(status).toBe(200);
      }
      const png = await (await corners(62, 42)).png().toBuffer();
      expect((await upload(png, 'image/webp')).status).toBe(200);
      for (const type of ['IMAGE/JPEG; q=1', 'image/jpg', 'image/pjpeg', 'image/x-png', 'application/octet-stream'])
        expect([type, (await upload(await anotherJpeg(), type)).status]).toEqual([type, 200]);
    });

    it('may have no type, but only for a photo', async () => {
      // without a content-type, unlike the client of the tests
      const send = async (method: string, where: string, body: Buffer): Promise<[number, string]> => {
        const headers = { authorization: `Bearer ${user.accessToken}` };
        const response = await fetch(user.url + where, { method, headers, body: new Uint8Array(body) });
        return [response.status, ((await response.json()) as { code?: string }).code ?? ''];
      };
      expect(await send('PUT', path(), await anotherJpeg())).toEqual([200, '']);
      expect(await send('PUT', path(), Buffer.from('<svg/>'))).toEqual([415, 'unsupported_image']);
      expect(await send('PUT', path(), Buffer.alloc(0))).toEqual([400, 'invalid_request']);
      const customerJson = Buffer.from(JSON.stringify(newCustomer()));
      expect(await send('POST', '/customers', customerJson)).toEqual([415, 'unsupported_media_type']);
    });

    it('in the format of an iPhone is refused with a hint', async () => {
      const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
      for (const request of [() => upload(heic, 'image/heic'), () => upload(form({}, heic, 'IMG_0001.HEIC'))]) {
        const { body } = await expectRefused(415, 'unsupported_image', request);
        expect(body.detail).toContain('HEIC photos are not supported: send a JPEG, PNG or WebP.');
      }
    });

    it('that is a JPEG without its end marker is complete', async () => {
      for (const isProgressive of [false, true]) {
        const photo = await noise(300, 310).jpeg({ progressive: isProgressive }).toBuffer();
        const { body } = await upload(photo.subarray(0, -2), 'image/jpeg');
        expect(body.photo).toMatchObject({ width: 300, height: 310 });
        expect((await upload(photo.subarray(0, -1), 'image/jpeg')).status).toBe(200);
      }
    });

    it('that is a JPEG and misses pixels is refused, with and without its end marker', async () => {
      const end = Buffer.from([0xff, 0xd9]);
      for (const isProgressive of [false, true]) {
        const photo = await constantNoise(300, 320).jpeg({ progressive: isProgressive }).toBuffer();
        const half = Math.floor(photo.length / 2);
        const gap = Buffer.concat([photo.subarray(0, half), photo.subarray(half + 3_000)]);
        for (const image of [photo.subarray(0, half), Buffer.concat([photo.subarray(0, half), end]), gap])
          await expectRefused(400, 'invalid_image', () => upload(image, 'image/jpeg'));
        const overwritten = Buffer.from(photo).fill(0xff, half, half + 50);
        await expectRefused(400, 'invalid_image', () => upload(overwritten, 'image/jpeg'));
      }
      expect((await upload(await anotherJpeg(), 'image/jpeg')).status).toBe(200);
    });

    it('that is damaged or truncated is refused', async () => {
      const whole = await noise(300, 300).jpeg().toBuffer();
      const png = await noise(100, 100).png().toBuffer();
      const webp = await noise(100, 100).webp().toBuffer();
      for (const image of [whole, png, webp])
        for (const length of [16, Math.floor(image.length / 2)])
          await expectRefused(400, 'invalid_image', () => upload(image.subarray(0, length), 'image/jpeg'));
      const flipped = Buffer.from(png);
      flipped.fill(0xff, 40, 400);
      await expectRefused(400, 'invalid_image', () => upload(flipped, 'image/png'));
    });

    it('with too many pixels is refused before it is decoded', async () => {
      const image = bomb(16_000, 16_000);
      expect(image.length).toBeLessThan(64 * 1024);
      await expectRefused(413, 'image_too_large', () => upload(image, 'image/png'));
      // the pixels are missing: decoding would fail with invalid_image
      await expectRefused(413, 'image_too_large', () => upload(image.subarray(0, 64), 'image/png'));
      await expectRefused(413, 'image_too_large', () => upload(bomb(50_001, 1_000), 'image/png'));
      expect((await upload(bomb(5_000, 10_000), 'image/png')).status).toBe(200);
    });

    it('may have 10 MiB, and not one byte more', async () => {
      const photo = await noise(1_000, 700).jpeg({ quality: 90 }).toBuffer();
      // bytes after the end of an image are ignored
      const exact = Buffer.concat([photo], 10 * MIB);
      expect((await upload(exact, 'image/jpeg')).status).toBe(200);
      expect((await upload(form({}, exact))).status).toBe(200);
      const more = Buffer.concat([photo], 10 * MIB + 1);
      await expectRefused(413, 'payload_too_large', () => upload(more, 'image/jpeg'));
      await expectRefused(413, 'payload_too_large', () => upload(form({}, more)));
      await expectRefused(413, 'payload_too_large', () => user.post('/customers', form(newCustomer(), more)));
      await expectRefused(413, 'payload_too_large', () => upload(Buffer.alloc(11 * MIB), 'image/jpeg'));
    });

    it('that is aborted leaves nothing behind, and the service keeps serving', async () => {
      const before = await traces();
      const photo = await noise(600, 400).jpeg().toBuffer();
      for (const [type, head] of [
        ['image/jpeg', Buffer.alloc(0)],
        [BOUNDARY, Buffer.from('--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n')],
      ] as const) {
        const request =
          `PUT ${path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.accessToken}\r\n` +
          `Content-Type: ${type}\r\nContent-Length: ${photo.length + 200}\r\n\r\n`;
        const socket = await open(portOf(user), request);
        socket.write(Buffer.concat([head, photo.subarray(0, photo.length / 2)]));
        await new Promise((resolve) => setTimeout(resolve, 50));
        socket.destroy();
      }
      expect((await user.get(`/customers/${customer.id}`)).status).toBe(200);
      expect(await traces()).toEqual(before);
    });

    it('is no longer decoded when the client disconnects', async () => {
      const before = await traces();
      // 16 bits per channel: more than a second of decoding
      const image = png({ width: 8_000, height: 6_250, depth: 16, pixelBytes: 6_250 * 64_001 });
      const request =
        `PUT ${path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.accessToken}\r\n` +
        `Content-Type: image/png\r\nContent-Length: ${image.length}\r\n\r\n`;
      const render = jest.spyOn(service.app.get(PhotoWorkers), 'render');
      const socket = await open(portOf(user), request);
      socket.write(image);
      await until(() => render.mock.results.length > 0);
      socket.destroy();
      await expect(render.mock.results[0]!.value).rejects.toMatchObject({ code: 'malformed_request' });
      render.mockRestore();
      expect(await traces()).toEqual(before);
    });

    it('that would take gigabytes or minutes is refused, or decoded without what inflates it', async () => {
      for (const image of [await scanBomb(9_000), png({ width: 8_000, height: 6_250, isInterlaced: true })])
        await expectRefused(413, 'image_too_large', () => upload(image, 'image/jpeg'));
      for (const image of [textBomb(90), await frameBomb(200_000)])
        expect((await upload(image, 'image/png')).status).toBe(200);
    });

    it('is refused without sign-in before its body is read', async () => {
      const photo = await jpeg();
      await expectRefused(401, 'unauthenticated', () =>
        service.anonymous.put(path(), photo, { headers: { 'content-type': 'image/jpeg' } }),
      );
      await expectRefused(401, 'unauthenticated', () => service.anonymous.put(path(), form({}, photo)));
      await expectRefused(401, 'unauthenticated', () =>
        service.anonymous.post('/customers', Buffer.from('no form at all'), { headers: { 'content-type': BOUNDARY } }),
      );
    });

    it('is refused on all other routes', async () => {
      const photo = await jpeg();
      for (const [method, where] of [
        ['POST', '/login'],
        ['POST', '/users'],
        ['PATCH', `/customers/${customer.id}`],
        ['POST', `/customers/${customer.id}/restore`],
        ['POST', '/logout'],
      ] as const)
        for (const body of [form({}, photo), photo])
          await expectRefused(415, 'unsupported_media_type', () =>
            service.admin.request(method, where, {
              body,
              headers: body instanceof FormData ? {} : { 'content-type': 'image/jpeg' },
            }),
          );
      await expectRefused(415, 'unsupported_media_type', () => user.put(path(), { photo: 'x' }));
      await expectRefused(415, 'unsupported_media_type', () =>
        user.post('/customers', photo, { headers: { 'content-type': 'image/jpeg' } }),
      );
    });
  });

  describe('a form', () => {
    const post = (body: Buffer, type = BOUNDARY): Promise<Answer> =>
      user.post('/customers', body, { headers: { 'content-type': type } });
    const fields = (): Buffer[] =>
      Object.entries(newCustomer()).map(([name, value]) => part(`name="${name}"`, String(value)));
    const file = async (name = 'photo'): Promise<Buffer> => part(`name="${name}"; filename="a.jpg"`, await jpeg());

    it.each<[string, number, string, () => [Buffer, string?] | Promise<[Buffer, string?]>]>([
      [
        'without a boundary',
        400,
        'malformed_request',
        () => [Buffer.concat([...fields(), END]), 'multipart/form-data'],
      ],
      ['without its end', 400, 'malformed_request', async () => [Buffer.concat([...fields(), await file()])]],
      ['with a body that is not a form', 400, 'malformed_request', () => [Buffer.from('{"email":"a@example.com"}')]],
      ['with another boundary', 400, 'malformed_request', () => [Buffer.concat([...fields(), END]), `${BOUNDARY}y`]],
      [
        'with two files',
        400,
        'invalid_request',
        async () => [Buffer.concat([...fields(), await file(), await file(), END])],
      ],
      [
        'with 1,000 fields',
        400,
        'invalid_request',
        () => [Buffer.concat([...Array.from({ length: 1000 }, (_, n) => part(`name="f${n}"`, 'x')), END])],
      ],
      [
        'with a file of another name',
        400,
        'invalid_request',
        async () => [Buffer.concat([...fields(), await file('avatar'), END])],
      ],
      [
        'with a field twice',
        400,
        'invalid_request',
        () => [Buffer.concat([...fields(), ...fields().slice(0, 1), END])],
      ],
      [
        'with an unknown field',
        400,
        'invalid_request',
        () => [Buffer.concat([...fields(), part('name="role"', 'admin'), END])],
      ],
      [
        'with a field that reaches an object’s prototype',
        400,
        'malformed_request',
        () => [Buffer.concat([...fields(), part('name="__proto__"', 'x'), END])],
      ],
      [
        'with a field of 33 KiB',
        400,
        'invalid_request',
        () => [Buffer.concat([...fields(), part('name="notes"', 'x'.repeat(33 * 1024)), END])],
      ],
      [
        'with NUL in a field',
        400,
        'invalid_request',
        () => [Buffer.concat([...fields(), part('name="company"', 'a\0b'), END])],
      ],
      [
        'with bytes that are not UTF-8',
        400,
        'invalid_request',
        () => [Buffer.concat([...fields(), part('name="company"', Buffer.from([0x61, 0xe9, 0x62])), END])],
      ],
      [
        'whose field is JSON',
        400,
        'invalid_request',
        () => [Buffer.concat([...fields(), part('name="company"\r\nContent-Type: application/json', '{"a":1}'), END])],
      ],
      ['without required fields', 400, 'invalid_request', async () => [Buffer.concat([await file(), END])]],
      ['without parts', 400, 'invalid_request', () => [END]],
    ])('%s is refused', async (_, status, code, make) => {
      const [body, type] = await make();
      await expectRefused(status, code, () => post(body, type));
      // the client can still use the connection
      expect((await user.get(`/customers/${customer.id}`)).status).toBe(200);
    });

    it('is refused with the pointer of each part that is one too many', async () => {
      const pointersOf = async (parts: Buffer[]): Promise<string[]> => {
        const { body } = await expectRefused(400, 'invalid_request', () => post(Buffer.concat([...parts, END])));
        return body.errors.map(({ pointer }: { pointer: string }) => pointer);
      };
      expect(await pointersOf([...fields(), await file(), await file()])).toEqual(['/photo']);
      expect(await pointersOf([...fields(), await file('avatar')])).toEqual(['/avatar']);
      expect(await pointersOf([...fields(), part('name="photo"; filename="a.jpg"', '')])).toEqual(['/photo']);
      const unknown = Array.from({ length: 25 }, (_, n) => `f${n}`);
      const pointers = await pointersOf([...fields(), ...unknown.map((name) => part(`name="${name}"`, 'x'))]);
      expect(pointers.sort()).toEqual(unknown.map((name) => `/${name}`).sort());
      const many = Array.from({ length: 6 }, () => part('name="photo"; filename="a.jpg"', 'x'));
      expect(await pointersOf([...fields(), ...many])).toContain('');
    });

    it('lists each invalid member', async () => {
      const { body } = await expectRefused(400, 'invalid_request', () =>
        user.post('/customers', form({ email: 'nobody', name: 'x'.repeat(121), surname: 'a\u0007', phone: '12' })),
      );
      expect(body.errors.map(({ pointer, code }: any) => [pointer, code])).toEqual([
        ['/email', 'invalid_email'],
        ['/name', 'too_long'],
        ['/surname', 'invalid_text'],
        ['/phone', 'invalid_phone'],
      ]);
    });

    it('for a photo must have a photo and no other field', async () => {
      const refused = await expectRefused(400, 'invalid_request', () => upload(form({})));
      expect(refused.body.errors[0]).toMatchObject({ pointer: '/photo', code: 'required' });
      await expectRefused(400, 'invalid_request', () => upload(Buffer.alloc(0), 'image/jpeg'));
      const photo = await jpeg();
      const { body } = await expectRefused(400, 'invalid_request', () => upload(form({ name: 'Ana' }, photo)));
      expect(body.errors[0]).toMatchObject({ pointer: '/name', code: 'unknown_member' });
    });

    it('keeps an emoji byte for byte', async () => {
      const { body } = await user.post('/customers', form(newCustomer({ name: '👩‍👩‍👧 Ana' })));
      expect(body.name).toBe('👩‍👩‍👧 Ana');
    });
  });

  describe('many concurrent uploads', () => {
    it('are queued, and refused with Retry-After beyond the queue', async () => {
      const begun =
        `PUT ${path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.accessToken}\r\n` +
        `Content-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n`;
      const photo = await anotherJpeg();
      const sockets = await Promise.all(Array.from({ length: 64 }, () => open(portOf(user), begun)));
      // a request that arrives before all of them is queued and times out
      const isFull = (): Promise<boolean> =>
        fetch(user.url + path(), {
          method: 'PUT',
          headers: { authorization: `Bearer ${user.accessToken}`, 'content-type': 'image/jpeg' },
          body: photo as Uint8Array<ArrayBuffer>,
          signal: AbortSignal.timeout(500),
        }).then(
          ({ status }) => status === 503,
          () => false,
        );
      await until(isFull);
      const { headers } = await expectRefused(503, 'overloaded', () => upload(photo, 'image/jpeg'));
      expect(headers.get('retry-after')).toBe('1');
      // requests without a photo are still served
      expect((await user.post('/customers', newCustomer())).status).toBe(201);
      sockets.forEach((socket) => socket.destroy());
      await until(async () => (await upload(photo, 'image/jpeg')).status === 200);
    });

    it('all succeed within the limits of the queue', async () => {
      const photos = await Promise.all(Array.from({ length: 40 }, anotherJpeg));
      const answers = await Promise.all(photos.map((photo) => user.post('/customers', form(newCustomer(), photo))));
      expect(answers.map(({ status }) => status)).toEqual(photos.map(() => 201));
    });
  });
});
