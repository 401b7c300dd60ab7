import { PhotoSweep } from '../../src/customers/photo-sweep.js';
import { type BucketFault, BucketStandIn } from '../stand-ins/bucket.js';
import type { Answer, Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const HOUR_MS = 60 * 60 * 1000;
const JPEG = { 'content-type': 'image/jpeg' };

onEveryDatabase((kind) => {
  let bucket: BucketStandIn;
  let service: TestService;
  let user: Client & { id: number };

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
  const rowOf = async (id: number): Promise<any> =>
    (await service.dataSource.query('SELECT * FROM customers WHERE id = ?', [id]))[0];

  async function createWithPhoto(client: Client = user): Promise<any> {
    const { status, body } = await client.post('/customers', form(newCustomer(), await anotherJpeg()));
    expect(status).toBe(201);
    return body;
  }
  const put = async (id: number, client: Client = user): Promise<Answer> =>
    client.put(`/customers/${id}/photo`, await anotherJpeg(), { headers: JPEG });

  describe('a photo in a bucket', () => {
    it('is stored as two objects that browsers may cache without revalidation, and shared caches may not', async () => {
      await createWithPhoto();
      expect(objects()).toHaveLength(2);
      for (const [key, object] of bucket.objects) {
        expect(key).toMatch(/^photos\/[\da-f]{32}-[\da-f]{32}(-256)?\.webp$/);
        expect(object).toMatchObject({
          contentType: 'image/webp',
          cacheControl: 'private, max-age=31536000, immutable',
        });
      }
    });

    it('needs only roles/storage.objectUser, and no ACL calls', async () => {
      const { id, photo } = await createWithPhoto();
      await put(id);
      await statusOf(photo.url);
      await user.delete(`/customers/${id}/photo`);
      await service.app.get(PhotoSweep).sweep();
      expect(new Set(bucket.log.map(({ operation }) => operation))).toEqual(new Set(['put', 'delete', 'list']));
      for (const { operation, query } of bucket.log) if (operation === 'put') expect(query.ifGenerationMatch).toBe('0');
    });

    it('is served until the customer is deleted', async () => {
      const { id, photo } = await createWithPhoto();
      const response = await fetch(photo.url);
      expect(response.status).toBe(200);
      const key = [...bucket.objects.keys()].find((name) => !name.includes('-256'))!;
      expect(Buffer.from(await response.arrayBuffer()).equals(bucket.objects.get(key)!.bytes)).toBe(true);
      await user.delete(`/customers/${id}`);
      expect(await statusOf(photo.url)).toBe(404);
      expect(objects()).toHaveLength(2);
    });

    it('replaces a photo of the Flask service, and deletes that only from our own bucket', async () => {
      const { body } = await user.post('/customers', newCustomer());
      for (const [url, key] of [
        ['https://storage.googleapis.com/crm-photos/aB3dE5fG7hJ9kL1m', 'aB3dE5fG7hJ9kL1m'],
        ['https://storage.googleapis.com/others/aB3dE5fG7hJ9kL1m', undefined],
      ]) {
        bucket.objects.store('aB3dE5fG7hJ9kL1m', Buffer.from('old'));
        await service.dataSource.query('UPDATE customers SET photo_url = ?, photo_key = NULL WHERE id = ?', [
          url,
          body.id,
        ]);
        expect((await user.get(`/customers/${body.id}`)).body.photo).toMatchObject({
          url,
          thumbnailUrl: url,
          width: null,
        });
        const answer = await put(body.id);
        expect(answer.body.photo.url).not.toBe(url);
        expect(await rowOf(body.id)).toMatchObject({ photo_url: null, photo_key: expect.any(String) });
        expect(bucket.objects.has('aB3dE5fG7hJ9kL1m')).toBe(key === undefined);
      }
    });
  });

  describe('a failing bucket', () => {
    it.each<[BucketFault, string]>([
      ['hangs', 'storage_unavailable'],
      ['hangs up', 'storage_unavailable'],
      [{ status: 503 }, 'storage_unavailable'],
      [{ status: 429 }, 'storage_unavailable'],
      [{ status: 403 }, 'storage_forbidden'],
      [{ status: 404 }, 'storage_bucket_missing'],
      [{ slowMs: 10_000 }, 'storage_unavailable'],
      ['cut off', 'storage_unavailable'],
      ['sends rubbish', 'storage_unavailable'],
    ])('(%j) refuses photos without a change, and customers stay available', async (fault, code) => {
      const { body: customer } = await user.post('/customers', newCustomer());
      bucket.fail('put', fault);
      const values = newCustomer();
      const [answer, created, read, listed] = await Promise.all([
        put(customer.id),
        user.post('/customers', form(values, await anotherJpeg())),
        user.get(`/customers/${customer.id}`),
        user.get('/customers?limit=1'),
      ]);
      for (const { status, body, headers } of [answer, created]) {
        expect({ status, code: body.code }).toEqual({ status: 503, code });
        expect(headers.get('retry-after')).toBe('1');
        if (code === 'storage_forbidden') expect(body.detail).toContain('storage.objects.create');
        expect(JSON.stringify(body)).not.toContain('gserviceaccount');
      }
      expect([read.status, listed.status]).toEqual([200, 200]);
      expect(await rowOf(customer.id)).toMatchObject({ version: 1, photo_key: null });
      expect((await user.get(`/customers?email=${values.email}`)).body.data).toEqual([]);
      bucket.heal();
      expect((await put(customer.id)).status).toBe(200);
    });

    it('that loses its responses gets retries, and stores the photo once', async () => {
      bucket.fail('put', 'answer lost', 2);
      const { photo } = await createWithPhoto();
      expect(objects()).toHaveLength(2);
      expect(await statusOf(photo.url)).toBe(200);
    });

    it('that fails between the two objects keeps neither of them', async () => {
      const { body: customer } = await user.post('/customers', newCustomer());
      bucket.fail('put', { status: 403 }, 1);
      expect((await put(customer.id)).status).toBe(503);
      expect(await rowOf(customer.id)).toMatchObject({ photo_key: null });
      service.clock.forward(2 * HOUR_MS);
      await service.app.get(PhotoSweep).sweep();
      expect(objects()).toEqual([]);
    });

    it.each<[BucketFault, number, string]>([
      ['hangs', 503, 'storage_unavailable'],
      [{ status: 503 }, 503, 'storage_unavailable'],
      [{ status: 403 }, 503, 'storage_forbidden'],
      [{ status: 404 }, 503, 'storage_bucket_missing'],
    ])('(%j) responds with a problem instead of the photo', async (fault, status, code) => {
      const { photo } = await createWithPhoto();
      bucket.fail('get', fault);
      const answer = await fetch(photo.url);
      expect({ status: answer.status, code: ((await answer.json()) as { code: string }).code }).toEqual({
        status,
        code,
      });
      bucket.heal();
      expect(await statusOf(photo.url)).toBe(200);
    });

    it('that breaks off a download also breaks the response to the client', async () => {
      const { photo } = await createWithPhoto();
      bucket.fail('get', 'cut off');
      await expect(fetch(photo.url).then((answer) => answer.arrayBuffer())).rejects.toThrow();
      expect((await user.get('/customers?limit=1')).status).toBe(200);
    });

    it('that cannot delete the old photo does not block the new one, and the sweep deletes the rest', async () => {
      const { id } = await createWithPhoto();
      const old = objects();
      bucket.fail('delete', { status: 503 });
      expect((await put(id)).status).toBe(200);
      expect(objects()).toHaveLength(4);
      bucket.heal();
      service.clock.forward(2 * HOUR_MS);
      await service.app.get(PhotoSweep).sweep();
      expect(objects()).toHaveLength(2);
      for (const key of old) expect(bucket.objects.has(key)).toBe(false);
    });
  });

  describe('the sweep', () => {
    const key = (n: number, size = ''): string => `photos/${'a'.repeat(32)}-${String(n).padStart(32, '0')}${size}.webp`;

    it('removes exactly the objects that no row names', async () => {
      const { id } = await createWithPhoto();
      const deleted = await createWithPhoto();
      await user.delete(`/customers/${deleted.id}`);
      const kept = [...objects(), 'aB3dE5fG7hJ9kL1m', 'backup/photos/x.webp'];
      bucket.objects.store('aB3dE5fG7hJ9kL1m', Buffer.from('of the Flask service'));
      bucket.objects.store('backup/photos/x.webp', Buffer.from('of another program'));
      for (const name of [key(1), key(1, '-256'), key(2), 'photos/unfinished', 'photos/x.webp'])
        bucket.objects.store(name, Buffer.from('orphan'));
      bucket.objects.pageSize = 3;

      // all objects are younger than the grace period: an upload may be in progress
      expect(await service.app.get(PhotoSweep).sweep()).toEqual({ found: 9, removed: 0 });
      service.clock.forward(2 * HOUR_MS);
      expect(await service.app.get(PhotoSweep).sweep()).toEqual({ found: 9, removed: 5 });
      expect(objects()).toEqual(kept.sort());
      expect((await (await service.user()).get(`/customers/${id}`)).body.photo).not.toBeNull();
      bucket.objects.pageSize = 1000;
    });

    it('may run twice in parallel, and alongside uploads', async () => {
      for (let n = 0; n < 30; n++) bucket.objects.store(key(n), Buffer.from('orphan'), { updated: new Date(0) });
      const sweep = service.app.get(PhotoSweep);
      const [created] = await Promise.all([
        Promise.all(Array.from({ length: 5 }, () => createWithPhoto())),
        sweep.sweep(),
        sweep.sweep(),
      ]);
      expect(objects()).toHaveLength(10);
      for (const { photo } of created) expect(await statusOf(photo.url)).toBe(200);
    });

    it('runs once a day, on one of the instances', async () => {
      const other = await startService(kind, { env: bucket.env, beside: service });
      const sweeps = [service, other].map(({ app }) => app.get(PhotoSweep));
      const lists = (): number => bucket.log.filter(({ operation }) => operation === 'list').length;
      await Promise.all(sweeps.map((sweep) => sweep.daily()));
      expect(lists()).toBe(0);
      service.clock.forward(24 * HOUR_MS);
      await Promise.all([...sweeps, ...sweeps].map((sweep) => sweep.daily()));
      expect(lists()).toBe(1);
      await other.close();
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

    it('returns photo URLs of the bucket', async () => {
      const { photo } = await createWithPhoto(client);
      expect(photo.url).toMatch(new RegExp(`^${bucket.url}/crm-photos/photos/[\\da-f-]+\\.webp$`));
      expect([await statusOf(photo.url), await statusOf(photo.thumbnailUrl)]).toEqual([200, 200]);
    });

    it('hides the photo of a deleted customer, and publishes it at another URL after a restore', async () => {
      const { id, photo } = await createWithPhoto(client);
      expect((await client.delete(`/customers/${id}`)).status).toBe(204);
      expect([await statusOf(photo.url), await statusOf(photo.thumbnailUrl)]).toEqual([404, 404]);
      expect(objects()).toHaveLength(2);
      const { body } = await client.post(`/customers/${id}/restore`);
      expect(body.photo.url).not.toBe(photo.url);
      expect([await statusOf(body.photo.url), await statusOf(body.photo.thumbnailUrl)]).toEqual([200, 200]);
      const { data } = (await client.get(`/customers/${id}/history`)).body;
      expect(data.map(({ action, changes }: any) => [action, Object.keys(changes).sort()])).toEqual([
        ['restored', ['deletedAt']],
        ['deleted', ['deletedAt']],
        ['created', ['email', 'name', 'photo', 'surname']],
      ]);
    });

    it('hides a replaced or deleted photo', async () => {
      const { id, photo } = await createWithPhoto(client);
      const { body } = await put(id, client);
      expect(await statusOf(photo.url)).toBe(404);
      await client.delete(`/customers/${id}/photo`);
      expect(await statusOf(body.photo.url)).toBe(404);
      expect(objects()).toEqual([]);
    });

    it('does not delete a customer whose photo cannot be hidden', async () => {
      const { id, photo } = await createWithPhoto(client);
      bucket.fail('put', { status: 403 });
      const { status, body } = await client.delete(`/customers/${id}`);
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'storage_forbidden' });
      expect(await rowOf(id)).toMatchObject({ is_deleted: 0, version: 1 });
      expect(await statusOf(photo.url)).toBe(200);
      bucket.heal();
      expect((await client.delete(`/customers/${id}`, { headers: { 'if-match': '"v7"' } })).status).toBe(412);
      expect(objects()).toHaveLength(2);
      expect(await statusOf(photo.url)).toBe(200);
    });

    it('hides the photo of a customer that is deleted while the photo is replaced', async () => {
      const { id } = await createWithPhoto(client);
      const answers = await Promise.all([put(id, client), put(id, client), client.delete(`/customers/${id}`)]);
      const removed = answers[2].status === 204 || (await client.delete(`/customers/${id}`)).status === 204;
      expect(removed).toBe(true);
      for (const { body } of answers.slice(0, 2)) if (body.photo) expect(await statusOf(body.photo.url)).toBe(404);
      expect(objects()).toHaveLength(2);
    });
  });
});
