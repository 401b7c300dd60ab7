import { setTimeout as sleep } from 'node:timers/promises';
import { PhotoSweep } from '../../src/customers/photo-sweep.js';
import { BucketStandIn } from '../stand-ins/bucket.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, startService, type TestService } from '../support/service.js';

/** `CRASH_ROUNDS=20` tests a thousand uploads. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 2);
const UPLOADS = 50;
const HOUR_MS = 60 * 60 * 1000;

onEveryDatabase((kind) => {
  let bucket: BucketStandIn;
  /** Inspects what killed programs leave behind. */
  let service: TestService;

  beforeAll(async () => {
    bucket = await BucketStandIn.start();
    service = await startService(kind, { env: bucket.env });
  });
  afterAll(async () => {
    stopPrograms();
    await service.close();
    await bucket.close();
  });

  const start = (): Program =>
    startProgram(
      {
        NODE_ENV: 'test',
        LOG_LEVEL: 'error',
        PORT: '0',
        DATA_DIR: service.dataDir,
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        ...(service.database.uri && { DATABASE_URI: service.database.uri }),
        ...bucket.env,
      },
      service.dataDir,
    );

  /** Returns the customers whose creation was acknowledged with 201; they must not be lost. */
  async function uploadAndKill(customers: number[]): Promise<any[]> {
    const program = start();
    const url = await program.address();
    const send = async (method: string, path: string, body: FormData): Promise<any> => {
      const headers = { authorization: `Bearer ${service.admin.accessToken}` };
      const response = await fetch(url + path, { method, body, headers });
      return response.status === 201 ? response.json() : undefined;
    };
    const uploads = Array.from({ length: UPLOADS }, async (_, n) => {
      const photo = await anotherJpeg();
      await sleep(Math.random() * 400);
      return n % 2
        ? send('POST', '/customers', form(newCustomer(), photo))
        : send('PUT', `/customers/${customers[n % customers.length]}/photo`, form({}, photo));
    });
    const settled = Promise.allSettled(uploads);
    // kill in the middle of the uploads at any machine speed: each of them sends at least two requests to the bucket
    const threshold = bucket.log.length + UPLOADS * (0.5 + Math.random());
    await until(() => bucket.log.length > threshold);
    await program.stop('SIGKILL');
    return (await settled).flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : []));
  }

  it(
    'an upload killed at any point leaves no row without its photo, and after a sweep no photo without a row',
    async () => {
      const user: Client = service.admin;
      const customers: number[] = [];
      for (let n = 0; n < 10; n++) customers.push((await user.post('/customers', newCustomer())).body.id);
      const created: any[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        // slows each step down, so that the kill hits all of them
        for (const operation of ['put', 'delete'] as const) bucket.fail(operation, { slowMs: Math.random() * 60 });
        created.push(...(await uploadAndKill(customers)));
      }
      bucket.heal();

      const rows = await service.dataSource.query<Array<{ id: number; photo_key: string | null }>>(
        'SELECT id, photo_key FROM customers',
      );
      const named = rows.flatMap(({ photo_key }) =>
        photo_key ? [`photos/${photo_key}.webp`, `photos/${photo_key}-256.webp`] : [],
      );
      expect(named.filter((key) => !bucket.objects.has(key))).toEqual([]);
      expect(named.length).toBeGreaterThan(0);
      for (const { id, photo } of created) {
        expect(rows.find((row) => row.id === id)?.photo_key).toBe(/([\da-f]{32}-[\da-f]{32})/.exec(photo.url)![1]);
        expect((await fetch((await user.get(`/customers/${id}`)).body.photo.url)).status).toBe(200);
      }

      service.clock.forward(2 * HOUR_MS);
      await service.app.get(PhotoSweep).sweep();
      expect([...bucket.objects.keys()].sort()).toEqual(named.sort());
    },
    60_000 + ROUNDS * 15_000,
  );
});
