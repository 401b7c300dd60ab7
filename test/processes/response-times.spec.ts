import { jest } from '@jest/globals';
import { parseVersions } from '../../src/http/etags.js';
import { BucketStandIn } from '../stand-ins/bucket.js';
import { textOf } from '../support/bodies.js';
import { form } from '../support/forms.js';
import { bomb } from '../support/image-bombs.js';
import { anotherJpeg } from '../support/images.js';
import { expectProblem } from '../support/refusals.js';
import { newCustomer, startService, type TestService } from '../support/service.js';
import { open, portOf } from '../support/sockets.js';

// A busy machine only adds to the time: one of three attempts has to be within the bound.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

/** Wall-clock limits, with a wide margin over an idle machine: without the guards they test, each takes seconds. */
describe('response times under hostile input', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
    await service.anonymous.get('/livez');
  });
  afterAll(() => service.close());

  async function msOf(work: () => Promise<unknown>): Promise<number> {
    const start = performance.now();
    await work();
    return performance.now() - start;
  }

  it('refuses 300,000 empty objects within 1.5 s, and responds to others within 0.7 s in the meantime', async () => {
    const body = `[${'{},'.repeat(300_000)}{}]`;
    const total = await msOf(async () => {
      const flood = Array.from({ length: 4 }, async () =>
        expectProblem(await service.admin.post('/customers', body), 413, 'payload_too_large'),
      );
      const others = Array.from({ length: 10 }, () => msOf(() => service.anonymous.get('/livez')));
      expect(Math.max(...(await Promise.all(others)))).toBeLessThan(700);
      await Promise.all(flood);
    });
    expect(total).toBeLessThan(1_500);
  });

  it('refuses the largest body that passes the shape limits within 0.5 s', async () => {
    const worst = textOf({ a: Array.from({ length: 60 }, () => Array(500).fill(0)) });
    const times: number[] = [];
    for (let n = 0; n < 5; n++)
      times.push(
        await msOf(async () => expectProblem(await service.admin.post('/customers', worst), 400, 'invalid_request')),
      );
    // the best of five, as other processes only add to the time
    expect(Math.min(...times)).toBeLessThan(500);
  });

  it('refuses an image with too many pixels within 1 s, as it does not decode it', async () => {
    const { body } = await service.admin.post('/customers', newCustomer());
    const image = bomb(16_000, 16_000);
    const took = await msOf(async () =>
      expectProblem(
        await service.admin.put(`/customers/${body.id}/photo`, image, { headers: { 'content-type': 'image/png' } }),
        413,
        'image_too_large',
      ),
    );
    expect(took).toBeLessThan(1_000);
  });

  it('responds to 10 requests within 1 s while 500 sockets are slow', async () => {
    const parts = [
      '',
      'GET /livez HTTP/1.1\r\nX-',
      'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{',
    ];
    const port = portOf(service.anonymous);
    const sockets = await Promise.all(Array.from({ length: 500 }, (_, n) => open(port, parts[n % 3]!)));
    try {
      const took = await msOf(async () => {
        for (let n = 0; n < 10; n++) expect((await service.admin.get('/customers')).status).toBe(200);
      });
      expect(took).toBeLessThan(1_000);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it('parses malformed ETag headers of 16 KiB within 0.2 s', async () => {
    const hostile = ['"'.repeat(16_384), `"v7${'-'.repeat(16_000)}`, `${'"v7",'.repeat(3_000)}x`, `W/`.repeat(8_000)];
    expect(await msOf(() => Promise.resolve(hostile.map(parseVersions)))).toBeLessThan(200);
  });

  it('refuses photos within 5 s when the bucket hangs', async () => {
    const bucket = await BucketStandIn.start();
    const stored = await startService('SQLite', { env: bucket.env });
    bucket.fail('put', 'hangs');
    const photo = await anotherJpeg();
    const took = await msOf(async () =>
      expectProblem(await stored.admin.post('/customers', form(newCustomer(), photo)), 503, 'storage_unavailable'),
    );
    expect(took).toBeLessThan(5_000);
    await stored.close();
    await bucket.close();
  });
});
