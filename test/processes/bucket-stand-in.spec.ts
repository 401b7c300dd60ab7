import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { type Bucket, CRC32C, type File, Storage, type StorageOptions } from '@google-cloud/storage';
import { BucketStandIn } from '../stand-ins/bucket.js';
import { crc32c } from '../stand-ins/bucket-objects.js';

const MINUTE_MS = 60_000;

/** The status of a client error: a 412 of a resumable upload has no `code`. */
const statusOf = (error: unknown): unknown => {
  const { code, status, response } = error as { code?: number; status?: number; response?: { status?: number } };
  return code ?? status ?? response?.status;
};
const refusalOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => statusOf(error),
  );

describe('the bucket stand-in with the real client', () => {
  let server: BucketStandIn;
  let bucket: Bucket;
  beforeAll(async () => {
    server = await BucketStandIn.start();
    bucket = bucketOf();
  });
  beforeEach(() => server.reset());
  afterAll(() => server.close());

  function bucketOf(options: StorageOptions = {}, name = server.env.GOOGLE_BUCKET!): Bucket {
    const storage = new Storage({
      apiEndpoint: server.url,
      useAuthWithCustomEndpoint: true,
      keyFilename: server.keyFile,
      retryOptions: { autoRetry: false },
      ...options,
    });
    return storage.bucket(name);
  }

  /** The client sends no token with resumable uploads to an endpoint outside of its universe. */
  const resumableBucket = (options: StorageOptions = {}): Bucket =>
    bucketOf({ universeDomain: '127.0.0.1', ...options });

  const put = (file: File, bytes: Buffer | string, options = {}): Promise<void> =>
    file.save(bytes, { resumable: false, contentType: 'image/webp', ...options });

  it('stores a multipart upload and returns it', async () => {
    const bytes = randomBytes(100_000);
    const file = bucket.file('photos/a b/ñ&?#.webp');
    await put(file, bytes, { metadata: { cacheControl: 'public, immutable' } });
    expect(server.objects.get(file.name)).toMatchObject({
      bytes,
      contentType: 'image/webp',
      cacheControl: 'public, immutable',
    });
    const [metadata] = await file.getMetadata();
    expect(metadata).toMatchObject({ name: file.name, size: '100000', contentType: 'image/webp' });
    expect(metadata.crc32c).toBe(checksum(bytes));
    for (const validation of ['crc32c', 'md5'] as const)
      expect((await file.download({ validation }))[0].equals(bytes)).toBe(true);
    expect(await file.exists()).toEqual([true]);
    expect(server.log.map(({ operation, status }) => [operation, status])).toEqual([
      ['put', 200],
      ...Array.from({ length: 4 }, () => ['get', 200]),
    ]);
  });

  it('stores a resumable upload in chunks', async () => {
    const bytes = randomBytes(700_000);
    const whole = resumableBucket().file('whole');
    await whole.save(bytes, { resumable: true, contentType: 'image/png' });
    const pieces = resumableBucket().file('pieces');
    await pieces.save(bytes, { resumable: true, chunkSize: 256 * 1024 });
    for (const name of ['whole', 'pieces']) expect(server.objects.get(name)!.bytes.equals(bytes)).toBe(true);
    expect(server.objects.get('whole')!.contentType).toBe('image/png');
    expect(server.log.map(({ status }) => status)).toEqual([200, 200, 200, 308, 308, 200]);
  });

  it('resumes an interrupted upload', async () => {
    const bytes = randomBytes(1_100_000);
    const retryOptions = { autoRetry: true, maxRetries: 1, maxRetryDelay: 1 };
    const upload = resumableBucket({ retryOptions })
      .file('resumed')
      .createWriteStream({ resumable: true, chunkSize: 768 * 1024, preconditionOpts: { ifGenerationMatch: 0 } });
    upload.once('uri', () => server.fail('put', 'cut off', 1));
    await new Promise((resolve, reject) => upload.on('finish', resolve).on('error', reject).end(bytes));
    expect(server.objects.get('resumed')!.bytes.equals(bytes)).toBe(true);
    // start, a third of the first chunk, status query, the next chunk, the rest
    expect(server.log.map(({ status }) => status)).toEqual([200, 308, 308, 308, 200]);
  });

  it('serves ranges', async () => {
    server.objects.store('digits', Buffer.from('0123456789'));
    const read = async (range: { start?: number; end?: number }): Promise<string> =>
      text(bucket.file('digits').createReadStream(range));
    expect(await read({ start: 2, end: 4 })).toBe('234');
    expect(await read({ start: 7 })).toBe('789');
    expect(await read({ end: -3 })).toBe('789');
    expect(await refusalOf(read({ start: 10 }))).toBe(416);
  });

  it('lists objects with a prefix, in order, page by page', async () => {
    for (const name of ['photos/b', 'photos/a', 'other', 'photos/ñ', 'photos/c', 'photos/Z'])
      server.objects.store(name, Buffer.from(name));
    const names = (files: File[]): string[] => files.map(({ name }) => name);
    server.objects.pageSize = 2;
    const [all] = await bucket.getFiles({ prefix: 'photos/' });
    expect(names(all)).toEqual(['photos/Z', 'photos/a', 'photos/b', 'photos/c', 'photos/ñ']);
    expect(server.log.map(({ operation }) => operation)).toEqual(['list', 'list', 'list']);
    server.objects.pageSize = 1000;
    const [some, next] = await bucket.getFiles({ prefix: 'photos/', maxResults: 3, autoPaginate: false });
    expect(names(some)).toEqual(['photos/Z', 'photos/a', 'photos/b']);
    const [rest] = await bucket.getFiles({ ...next, autoPaginate: false });
    expect(names(rest)).toEqual(['photos/c', 'photos/ñ']);
    expect(rest[0]!.metadata.updated).toBe(server.objects.get('photos/c')!.updated.toISOString());
    const [reduced] = await bucket.getFiles({ prefix: 'other', fields: 'items(name,updated),nextPageToken' });
    expect(reduced).toEqual([{ name: 'other', updated: expect.any(String) }]);
    expect(names((await bucket.getFiles({ prefix: 'nothing' }))[0])).toEqual([]);
  });

  it('deletes an object once', async () => {
    server.objects.store('gone', Buffer.from('x'));
    await bucket.file('gone').delete();
    expect(server.objects.size).toBe(0);
    expect(await refusalOf(bucket.file('gone').delete())).toBe(404);
    await bucket.file('gone').delete({ ignoreNotFound: true });
    expect(await refusalOf(bucket.file('gone').download())).toBe(404);
    expect(await bucket.file('gone').exists()).toEqual([false]);
  });

  it('honours the requested generation', async () => {
    const create = { preconditionOpts: { ifGenerationMatch: 0 } };
    await put(bucket.file('once'), 'first', create);
    expect(await refusalOf(put(bucket.file('once'), 'second', create))).toBe(412);
    const inPieces = resumableBucket()
      .file('once')
      .save('second', { resumable: true, ...create });
    expect(await refusalOf(inPieces)).toBe(412);
    expect(server.objects.get('once')!.bytes.toString()).toBe('first');

    const { generation } = server.objects.get('once')!;
    await put(bucket.file('once'), 'second', { preconditionOpts: { ifGenerationMatch: generation } });
    expect(await refusalOf(bucket.file('once').delete({ ifGenerationMatch: generation }))).toBe(412);
    expect(await refusalOf(bucket.file('once', { generation }).download())).toBe(404);
    expect(server.objects.get('once')!.generation).toBeGreaterThan(generation);
    await bucket.file('once').delete({ ifGenerationMatch: server.objects.get('once')!.generation });
    expect(server.objects.has('once')).toBe(false);
  });

  it('refuses uploads with a wrong checksum', async () => {
    const bytes = Buffer.from('photo');
    for (const metadata of [{ crc32c: crc32c(Buffer.from('other')) }, { md5Hash: 'AAAAAAAAAAAAAAAAAAAAAA==' }])
      expect(await refusalOf(put(bucket.file('damaged'), bytes, { metadata }))).toBe(400);
    expect(server.objects.size).toBe(0);
    await put(bucket.file('sound'), bytes, { metadata: { crc32c: checksum(bytes) } });
    expect(server.objects.has('sound')).toBe(true);
  });

  it('has uniform access: refuses all ACL requests', async () => {
    server.objects.store('photo', Buffer.from('x'));
    const photo = bucket.file('photo');
    for (const work of [
      put(bucket.file('new'), 'x', { predefinedAcl: 'publicRead' }),
      put(bucket.file('new'), 'x', { public: true }),
      put(bucket.file('new'), 'x', { metadata: { acl: [] } }),
      resumableBucket().file('new').save('x', { resumable: true, private: true }),
      photo.acl.get(),
      photo.acl.add({ entity: 'allUsers', role: 'READER' }),
      bucket.acl.get(),
      bucket.acl.default.get(),
    ])
      await expect(work).rejects.toThrow(/uniform bucket-level access|Bad Request/);
    expect(server.log.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 400));
    expect([...server.objects.keys()]).toEqual(['photo']);
    // roles/storage.objectUser lacks this permission
    expect(await refusalOf(bucket.getMetadata())).toBe(403);
  });

  it('serves one bucket, and only with a token of the service account', async () => {
    const elsewhere = bucketOf({}, 'another-bucket');
    expect(await refusalOf(put(elsewhere.file('x'), 'x'))).toBe(404);
    expect(await refusalOf(elsewhere.getFiles())).toBe(404);
    const stranger = await BucketStandIn.start();
    const unknown = bucketOf({ keyFilename: stranger.keyFile });
    const anonymous = bucketOf({ useAuthWithCustomEndpoint: false });
    for (const other of [unknown, anonymous]) {
      expect(await refusalOf(put(other.file('x'), 'x'))).toBe(401);
      expect(await refusalOf(other.getFiles())).toBe(401);
    }
    await stranger.close();
    expect(server.objects.size).toBe(0);
  });

  it('accepts a signed URL until it expires', async () => {
    const bytes = randomBytes(1000);
    server.objects.store('photos/a b/ñ.webp', bytes, { contentType: 'image/webp' });
    const sign = (name: string, from = bucket): Promise<string[]> =>
      from.file(name).getSignedUrl({ version: 'v4', action: 'read', expires: Date.now() + 10 * MINUTE_MS });
    const [address] = (await sign('photos/a b/ñ.webp')) as [string];
    const response = await fetch(address);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    expect((await fetch(address, { headers: { range: 'bytes=0-9' } })).status).toBe(206);

    const answerOf = async (url: string, init?: RequestInit): Promise<[number, string?]> => {
      const answer = await fetch(url, init);
      return [answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]];
    };
    const wrong = [403, 'SignatureDoesNotMatch'];
    expect(await answerOf(address.replace('%C3%B1', 'n'))).toEqual(wrong);
    expect(await answerOf(address.replace(/Expires=\d+/, 'Expires=604800'))).toEqual(wrong);
    expect(await answerOf(address.replace(/(Signature=)../, '$100'))).toEqual(wrong);
    expect(await answerOf(address.replace('127.0.0.1', 'localhost'))).toEqual(wrong);
    expect(await answerOf(`${address}&response-content-type=text/html`)).toEqual(wrong);
    expect(await answerOf(address, { method: 'DELETE' })).toEqual([404, 'NoSuchKey']);
    const stranger = await BucketStandIn.start();
    const [forged] = (await sign('photos/a b/ñ.webp', bucketOf({ keyFilename: stranger.keyFile }))) as [string];
    await stranger.close();
    expect(await answerOf(forged)).toEqual(wrong);
    expect(await answerOf((await sign('missing'))[0]!)).toEqual([404, 'NoSuchKey']);

    server.objects.now = () => new Date(Date.now() + 9 * MINUTE_MS);
    expect(await answerOf(address)).toEqual([200, undefined]);
    server.objects.now = () => new Date(Date.now() + 11 * MINUTE_MS);
    expect(await answerOf(address)).toEqual([400, 'ExpiredToken']);
    expect(server.log.every(({ operation }) => operation === 'sign' || operation === 'other')).toBe(true);
  });

  it('allows anonymous reads only if the bucket is public', async () => {
    server.objects.store('a/b.webp', Buffer.from('x'), { cacheControl: 'public, immutable' });
    const address = bucket.file('a/b.webp').publicUrl();
    expect((await fetch(address)).status).toBe(403);
    server.isPublic = true;
    const response = await fetch(address);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, immutable');
    expect((await fetch(address, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${server.url}/${server.env.GOOGLE_BUCKET}/missing`)).status).toBe(404);
  });

  it.each([403, 404, 429, 503] as const)('fails with %d the given number of times', async (status) => {
    server.objects.store('photo', Buffer.from('x'));
    for (const operation of ['put', 'get', 'delete', 'list'] as const) server.fail(operation, { status }, 1);
    const works = [
      () => put(bucket.file('new'), 'x'),
      () => bucket.file('photo').download(),
      () => bucket.getFiles(),
      () => bucket.file('photo').delete(),
    ];
    for (const work of works) expect(await refusalOf(work())).toBe(status);
    expect([...server.objects.keys()]).toEqual(['photo']);
    for (const work of works) expect(await refusalOf(work())).toBe('done');
    expect([...server.objects.keys()]).toEqual(['new']);
  });

  it('sends error details that the client parses', async () => {
    server.fail('put', { status: 403 });
    const error = await put(bucket.file('x'), 'x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 403,
      errors: [{ reason: 'forbidden', domain: 'global' }],
      message: expect.stringContaining(`Permission 'storage.objects.create' denied`),
    });
  });

  it('can apply an operation without a response', async () => {
    server.fail('put', 'answer lost', 1);
    const create = { preconditionOpts: { ifGenerationMatch: 0 } };
    expect(await refusalOf(put(bucket.file('lost'), 'x', create))).toBe('ECONNRESET');
    expect(server.objects.has('lost')).toBe(true);
    // a retry has to treat this as success
    expect(await refusalOf(put(bucket.file('lost'), 'x', create))).toBe(412);
    expect(server.log.map(({ status }) => status)).toEqual([200, 412]);
  });

  it('loses responses, breaks off, hangs, and is slow', async () => {
    const bytes = randomBytes(200_000);
    server.objects.store('photo', bytes);
    server.fail('delete', 'answer lost', 1);
    expect(await refusalOf(bucket.file('photo').delete())).not.toBe('done');
    expect(server.objects.has('photo')).toBe(false);

    server.objects.store('photo', bytes);
    server.fail('get', 'cut off', 1);
    // the client does not notice: the reader needs its own timeout
    const half = bucket.file('photo').createReadStream({ validation: false });
    let length = 0;
    for await (const chunk of half) if ((length += (chunk as Buffer).length) === bytes.length / 2) break;
    server.isPublic = true;
    server.fail('get', 'cut off', 1);
    const cutOff = await fetch(bucket.file('photo').publicUrl());
    await expect(cutOff.arrayBuffer()).rejects.toThrow('terminated');
    server.fail('put', 'cut off', 1);
    expect(await refusalOf(put(bucket.file('half'), bytes))).not.toBe('done');
    expect(server.objects.has('half')).toBe(false);

    server.fail('put', { slowMs: 50 });
    const start = performance.now();
    await put(bucket.file('slow'), 'x');
    expect(performance.now() - start).toBeGreaterThan(45);

    server.fail('list', 'hangs');
    const signal = AbortSignal.timeout(50);
    await expect(fetch(`${server.url}/storage/v1/b/crm-photos/o`, { signal })).rejects.toThrow('timeout');
    expect(server.log.at(-1)).toEqual({ operation: 'list', method: 'GET', key: '', query: {} });
  });

  function checksum(bytes: Buffer): string {
    const sum = new CRC32C();
    sum.update(bytes);
    return sum.toString();
  }
});
