import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, Client } from '../support/client.js';
import { corners, noise } from '../support/images.js';
import { childrenOf, memoryOf, peakOf } from '../support/memory.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

const MEGABYTE = 1_000_000;
const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;

describe('Photos of telephones', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-photos-'));
  let program: Program;
  let admin: Client;
  let path: string;
  let memoryBefore: number;

  beforeAll(async () => {
    program = startProgram(
      {
        NODE_ENV: 'production',
        PORT: '0',
        DRAIN_SECONDS: '0',
        DATA_DIR: directory,
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
      },
      directory,
    );
    admin = await new Client(await program.address(), API).signIn(ADMIN.email, ADMIN.password);
    path = `/customers/${(await admin.post('/customers', newCustomer())).body.id}/photo`;
    // no photo worker runs yet
    expect(childrenOf(program.child.pid!)).toEqual([]);
    memoryBefore = memoryOf(program.child.pid!);
  });
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const upload = (photo: Buffer, type: string) => admin.put(path, photo, { headers: { 'content-type': type } });

  /** As a busy machine may reach the deadline of decoding, up to five times. */
  async function uploadUntilStored(photo: Buffer): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await upload(photo, 'image/jpeg');
      if (answer.status === 200 || attempt === 5) return answer;
    }
  }

  it.each([
    [48, 8_064, 6_048],
    [200, 16_320, 12_240],
  ])(
    'of %d megapixels are stored, four at once, in 400 MB of memory',
    async (_, width, height) => {
      // smooth, as a sharp photo of 200 megapixels is larger than the limit; held upright, as most are
      const photo = await noise(64, 48)
        .resize(width, height, { fit: 'fill', kernel: 'cubic' })
        .withMetadata({ orientation: 6 })
        .jpeg()
        .toBuffer();
      expect(photo.length).toBeLessThan(MAX_UPLOAD_BYTES);
      const { peak, result } = await peakOf(program.child.pid!, () =>
        Promise.all(Array.from({ length: 4 }, () => uploadUntilStored(photo))),
      );
      for (const { status, body } of result) {
        expect(status).toBe(200);
        expect(body.photo).toMatchObject({ width: 1536, height: 2048 });
      }
      expect((peak - memoryBefore) / MEGABYTE).toBeLessThan(400);
    },
    180_000,
  );

  it('in the format of an iPhone are refused with a hint, whatever type they are sent as', async () => {
    // the boxes at the start of a photo of iOS 17, with the image data of another one
    const box = (type: string, ...parts: Array<string | Buffer>): Buffer => {
      const content = Buffer.concat(
        parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
      );
      const size = Buffer.alloc(4);
      size.writeUInt32BE(8 + content.length);
      return Buffer.concat([size, Buffer.from(type), content]);
    };
    const heic = Buffer.concat([
      box('ftyp', 'heic', '\0\0\0\0', 'mif1MiHEMiPrmiafheictmap'),
      box('mdat', await (await corners(400, 300)).jpeg().toBuffer()),
    ]);
    for (const type of ['image/heic', 'image/heif', 'image/jpeg', 'application/octet-stream']) {
      const { status, body } = await upload(heic, type);
      expect([type, status, body.code]).toEqual([type, 415, 'unsupported_image']);
      expect(body.detail).toContain('HEIC photos are not supported: send a JPEG, PNG or WebP.');
    }
  });
});
