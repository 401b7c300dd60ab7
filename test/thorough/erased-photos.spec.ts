import { PhotoSweep } from '../../src/customers/photo-sweep.js';
import { ObjectRemovals } from '../../src/storage/object-removals.js';
import { type BucketFault, BucketStandIn } from '../stand-ins/bucket.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { keyed, Rows } from '../support/rows.js';
import { newCustomer, startService, type TestService, unique } from '../support/service.js';

const LEGACY_OBJECT = 'aB3dE5fG7hJ9kL1m';
const HOUR_MS = 60 * 60 * 1000;

onEveryDatabase((kind) => {
  let bucket: BucketStandIn;
  let service: TestService;
  let user: Client;
  const rows = new Rows(() => service);

  beforeAll(async () => {
    bucket = await BucketStandIn.start();
    service = await startService(kind, { env: bucket.env });
    user = await service.user();
  });
  afterAll(async () => {
    await service.close();
    await bucket.close();
  });
  beforeEach(async () => {
    bucket.reset();
    service.clock.reset();
    await service.dataSource.query('UPDATE customers SET photo_key = NULL, photo_url = NULL');
  });

  const objects = (): string[] => [...bucket.objects.keys()].sort();
  const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;
  const listed = (): Promise<number> => rows.count('object_removals');
  const erase = async (id: number): Promise<void> =>
    expect((await service.admin.post(`/customers/${id}/erase`)).status).toBe(204);

  async function createWithPhoto(client: Client = user): Promise<any> {
    const { status, body } = await client.post('/customers', form(newCustomer(), await anotherJpeg()));
    expect(status).toBe(201);
    return body;
  }

  async function createLegacy(url: string): Promise<number> {
    const { id } = await rows.create();
    await service.dataSource.query('UPDATE customers SET photo_url = ? WHERE id = ?', [url, id]);
    return id;
  }

  describe('erasing a customer', () => {
    it('removes the photos of all that were merged into it', async () => {
      const [stays, other, unrelated] = [await createWithPhoto(), await createWithPhoto(), await createWithPhoto()];
      await user.post(`/customers/${stays.id}/merge`, { from: other.id });
      expect(objects()).toHaveLength(6);
      await erase(stays.id);
      expect(objects()).toHaveLength(2);
      expect(await statusOf(unrelated.photo.url)).toBe(200);
      expect([await statusOf(stays.photo.url), await statusOf(other.photo.url)]).toEqual([410, 410]);
    });

    it('removes a photo of the Flask service from our bucket only, and only if no other row names it', async () => {
      const ours = `https://storage.googleapis.com/crm-photos/${LEGACY_OBJECT}`;
      bucket.objects.store(LEGACY_OBJECT, Buffer.from('old'));
      const [foreign, one, other] = [
        await createLegacy(`https://storage.googleapis.com/others/${LEGACY_OBJECT}`),
        await createLegacy(ours),
        await createLegacy(ours),
      ];
      await erase(foreign);
      await erase(one);
      expect(objects()).toEqual([LEGACY_OBJECT]);
      for (const id of [foreign, one]) expect((await rows.customer(id)).photo_url).toBeNull();
      await erase(other);
      expect(objects()).toEqual([]);
    });

    it.each<BucketFault>(['hangs', { status: 503 }, { status: 403 }, 'answer lost'])(
      'is done while the bucket fails (%j), and removes the photo as soon as it can',
      async (fault) => {
        const { id, photo } = await createWithPhoto();
        const legacy = await createLegacy(`https://storage.googleapis.com/crm-photos/${LEGACY_OBJECT}`);
        bucket.objects.store(LEGACY_OBJECT, Buffer.from('old'));
        bucket.fail('delete', fault);
        await erase(id);
        await erase(legacy);
        expect(await statusOf(photo.url)).toBe(410);
        expect((await user.get(`/customers/${id}`)).status).toBe(410);
        expect(await listed()).toBe(3);
        await service.app.get(ObjectRemovals).runAll();
        expect(await listed()).toBe(3);
        bucket.heal();
        await service.app.get(ObjectRemovals).runAll();
        expect(objects()).toEqual([]);
        expect(await listed()).toBe(0);
      },
    );

    it('leaves no photo that is uploaded at the same time', async () => {
      const { id } = await rows.create();
      const photos = await Promise.all(Array.from({ length: 4 }, () => anotherJpeg()));
      const headers = { 'content-type': 'image/jpeg' };
      const uploads = photos.map((photo) => user.put(`/customers/${id}/photo`, photo, { headers }));
      await erase(id);
      for (const { status } of await Promise.all(uploads)) expect([200, 410]).toContain(status);
      expect((await rows.customer(id)).photo_key).toBeNull();
      service.clock.forward(2 * HOUR_MS);
      await service.app.get(PhotoSweep).sweep();
      expect(objects()).toEqual([]);
    });
  });

  describe('with PHOTO_DELIVERY=public', () => {
    let open: TestService;
    let client: Client;
    beforeAll(async () => {
      open = await startService(kind, { env: { ...bucket.env, PHOTO_DELIVERY: 'public' }, beside: service });
      client = open.anonymous.as(user.accessToken);
    });
    afterAll(() => open.close());
    beforeEach(() => (bucket.isPublic = true));

    const mergeInto = (id: number, from: number, headers = {}) =>
      client.post(`/customers/${id}/merge`, { from }, { headers });

    it('keeps the URL of a photo that moves to the customer that stays, and back', async () => {
      const [stays, other] = [await rows.create(), await createWithPhoto(client)];
      expect((await mergeInto(stays.id, other.id)).body.photo.url).toBe(other.photo.url);
      expect(await statusOf(other.photo.url)).toBe(200);
      const { body } = await client.post(`/customers/${other.id}/restore`);
      expect(body.photo.url).toBe(other.photo.url);
      expect(await statusOf(other.photo.thumbnailUrl)).toBe(200);
    });

    it('hides a photo that stays with the deleted customer', async () => {
      const [stays, other] = [await createWithPhoto(client), await createWithPhoto(client)];
      const { headers } = keyed(unique());
      const first = await mergeInto(stays.id, other.id, headers);
      expect(first.body.photo.url).toBe(stays.photo.url);
      expect([await statusOf(other.photo.url), await statusOf(other.photo.thumbnailUrl)]).toEqual([404, 404]);
      expect(await statusOf(stays.photo.url)).toBe(200);
      expect(objects()).toHaveLength(4);
      expect((await mergeInto(stays.id, other.id, headers)).body).toEqual(first.body);
      const { body } = await client.post(`/customers/${other.id}/restore`);
      expect(body.photo.url).not.toBe(other.photo.url);
      expect(await statusOf(body.photo.url)).toBe(200);
      expect(objects()).toHaveLength(4);
    });

    it('merges nothing if the photo cannot be hidden, or If-Match is stale', async () => {
      const [stays, other] = [await createWithPhoto(client), await createWithPhoto(client)];
      bucket.fail('put', { status: 403 });
      const { status, body } = await mergeInto(stays.id, other.id);
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'storage_forbidden' });
      bucket.heal();
      expect((await mergeInto(stays.id, other.id, { 'if-match': '"v7"' })).status).toBe(412);
      expect(objects()).toHaveLength(4);
      expect(await statusOf(other.photo.url)).toBe(200);
      for (const { id } of [stays, other]) expect(await rows.customer(id)).toMatchObject({ version: 1, is_deleted: 0 });
    });

    it('keeps exactly one photo of each customer while merges, deletes and uploads race', async () => {
      for (let round = 0; round < 4; round++) {
        const [stays, other] = [await createWithPhoto(client), await createWithPhoto(client)];
        const headers = { 'content-type': 'image/jpeg' };
        await Promise.all([
          mergeInto(stays.id, other.id),
          client.put(`/customers/${other.id}/photo`, await anotherJpeg(), { headers }),
          client.delete(`/customers/${stays.id}/photo`),
          mergeInto(stays.id, other.id, keyed(`public-${round}`).headers),
        ]);
        for (const { id } of [stays, other]) {
          const { photo_key: key } = await rows.customer(id);
          if (key !== null) expect(bucket.objects.has(`photos/${key}.webp`)).toBe(true);
          const { body } = await client.get(`/customers/${id}`);
          if (body.photo) expect(await statusOf(body.photo.url)).toBe(200);
        }
      }
    });

    it('removes the photo from the bucket at once when the customer is erased, also after it was deleted', async () => {
      const [one, other] = [await createWithPhoto(client), await createWithPhoto(client)];
      await client.delete(`/customers/${other.id}`);
      await erase(one.id);
      await erase(other.id);
      expect(await statusOf(one.photo.url)).toBe(404);
      expect(objects()).toEqual([]);
    });
  });
});
