import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Client } from '../support/client.js';
import { frameBomb, png, scanBomb, textBomb } from '../support/image-bombs.js';
import { jpeg, noise } from '../support/images.js';
import { childrenOf, memoryOf, peakOf } from '../support/memory.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

// A busy machine only adds to the time: one of three attempts has to be within the bound.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

const MEGABYTE = 1_000_000;
const MAX_P99_MS = 300;

describe('four bombs at once', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-bombs-'));
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

  const upload = async (photo: Buffer): Promise<number> =>
    (await admin.put(path, photo, { headers: { 'content-type': 'image/jpeg' } })).status;

  interface Load {
    /** Of `/livez`, in milliseconds. */
    p99: number;
    /** Bytes of the service and its workers, beyond those before the first upload. */
    growth: number;
    statuses: number[];
  }

  /** Uploads all files at once, and observes the service until they are answered. */
  async function load(files: Buffer[]): Promise<Load> {
    const times: number[] = [];
    const { peak, result: statuses } = await peakOf(program.child.pid!, async () => {
      let isDone = false;
      const uploads = Promise.all(files.map(upload)).finally(() => (isDone = true));
      while (!isDone || times.length < 100) {
        const start = performance.now();
        await fetch(`${admin.url}/livez`);
        times.push(performance.now() - start);
        await sleep(5);
      }
      return uploads;
    });
    times.sort((one, other) => one - other);
    return { p99: times[Math.ceil(times.length * 0.99) - 1]!, growth: peak - memoryBefore, statuses };
  }

  const four = (file: Buffer): Buffer[] => Array.from({ length: 4 }, () => file);
  const filled = async (bytes: string): Promise<Buffer> => {
    const file = await jpeg();
    return Buffer.concat([file.subarray(0, -2), Buffer.alloc(9 * 1024 * 1024, bytes, 'hex'), file.subarray(-2)]);
  };

  it.each<[string, () => Buffer | Promise<Buffer>]>([
    ['compressed texts', () => textBomb(90)],
    ['16 bits per channel', () => png({ width: 8_000, height: 6_250, depth: 16, pixelBytes: 6_250 * 64_001 })],
    ['progressive', () => noise(5_000, 4_000).jpeg({ progressive: true, quality: 30 }).toBuffer()],
    ['empty scans', () => scanBomb(9_000, 2_000, 2_000)],
    ['stuffed bytes', () => filled('ff00')],
    ['frames', () => frameBomb(100_000)],
  ])(
    'leave the service responsive and small: %s',
    async (_, make) => {
      const bomb = await make();
      const ordinary = four(await noise(3_000, 2_000).jpeg({ quality: 60 }).toBuffer());
      // other processes only add to the times: it is enough if one of the rounds is fast
      for (let round = 1; ; round++) {
        const usual = await load(ordinary);
        const { p99, growth, statuses } = await load(four(bomb));
        // on a slow machine some of them reach a deadline
        for (const status of statuses) expect([200, 400, 413, 503]).toContain(status);
        expect(growth / MEGABYTE).toBeLessThan(400);
        if (p99 < Math.max(MAX_P99_MS, 3 * usual.p99)) return;
        if (round === 3) expect({ p99, usual: usual.p99 }).toEqual({ p99: `less than ${MAX_P99_MS}` });
      }
    },
    180_000,
  );
});
