import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { PhotoPipeline } from '../../src/photos/photo-pipeline.js';
import { PhotoWorkers } from '../../src/photos/photo-workers.js';
import { bomb, frameBomb, png, scanBomb, textBomb } from '../support/image-bombs.js';
import { jpeg, noise } from '../support/images.js';
import { memoryOf } from '../support/memory.js';
import { until } from '../support/program.js';

// A busy machine only adds to the time: one of three attempts has to be within the bound.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

const MEGABYTE = 1_000_000;
const DIST = fileURLToPath(new URL('../../dist/src/photos', import.meta.url));

describe('Photo workers', () => {
  let workers: PhotoWorkers;
  let pipeline: PhotoPipeline;

  beforeEach(() => {
    workers = new PhotoWorkers();
    pipeline = new PhotoPipeline(workers);
  });
  afterEach(() => workers.onApplicationShutdown());

  const running = (): ChildProcess[] => [...(workers as unknown as { workers: Set<ChildProcess> }).workers];
  /** Renders without the checks of the headers. */
  const renderUnchecked = (file: Buffer, signal?: AbortSignal): Promise<unknown> =>
    workers.render({ file, decodeBytes: 0 }, signal);
  /** More than 20 s of decoding. */
  const tall = (): Buffer => bomb(1, 50_000_000);

  it('are reused', async () => {
    const photo = await jpeg();
    await pipeline.render(photo);
    const [first] = running();
    await pipeline.render(photo);
    expect(running()).toEqual([first]);
    await Promise.all(Array.from({ length: 6 }, () => pipeline.render(photo)));
    expect(running()).toHaveLength(2);
  });

  it('are killed after 10 s, and replaced', async () => {
    const file = tall();
    const start = performance.now();
    await expect(renderUnchecked(file)).rejects.toMatchObject({ code: 'image_too_large' });
    expect(performance.now() - start).toBeLessThan(15_000);
    await until(() => running().length === 0);
    expect(await pipeline.render(await jpeg())).toMatchObject({ width: 60, height: 40 });
  });

  it('are killed when they take too much memory', async () => {
    const row = bomb(50_000_000, 1);
    await expect(renderUnchecked(row)).rejects.toMatchObject({ code: 'image_too_large' });
    await until(() => running().length === 0);
  });

  it('are killed when the client disconnects', async () => {
    const client = new AbortController();
    const photo = renderUnchecked(tall(), client.signal);
    setTimeout(() => client.abort(), 300);
    await expect(photo).rejects.toMatchObject({ code: 'malformed_request' });
    await until(() => running().length === 0);
  });

  it('that crash fail only their photo', async () => {
    const photo = renderUnchecked(tall());
    running()[0]!.kill('SIGSEGV');
    await expect(photo).rejects.toMatchObject({ code: 'invalid_image' });
    await pipeline.render(await jpeg());
    running()[0]!.kill('SIGKILL');
    await until(() => running().length === 0);
    expect(await pipeline.render(await jpeg())).toMatchObject({ width: 60 });
  });

  it('neither keep the service running nor outlive it, and survive the signals of its terminal', async () => {
    const script = `
      const { PhotoWorkers } = await import('${DIST}/photo-workers.js');
      const { renderPhoto } = await import('${DIST}/render-photo.js');
      const workers = new PhotoWorkers();
      setTimeout(() => process.exit(), 60_000).unref();
      const file = Buffer.from('${(await jpeg()).toString('base64')}', 'base64');
      const timer = setInterval(() => {}, 1000);
      await workers.render({ file, decodeBytes: 0 });
      console.log([...workers.workers][0].pid);
      process.stdin.once('data', () => { clearInterval(timer); process.stdin.destroy(); });
    `;
    for (const end of ['exit', 'kill']) {
      const service = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const exited = new Promise((resolve) => service.once('exit', resolve));
      const pid = await new Promise<number>((resolve) => service.stdout.once('data', (line) => resolve(Number(line))));
      process.kill(pid, 'SIGINT');
      process.kill(pid, 'SIGTERM');
      await sleep(200);
      expect(memoryOf(pid)).toBeGreaterThan(0);
      if (end === 'exit') service.stdin.write('end');
      else service.kill('SIGKILL');
      await exited;
      await until(() => memoryOf(pid) === 0);
    }
  });

  it('take at most 400 MB for four uploads at once, and a bomb is refused within milliseconds', async () => {
    const before = process.memoryUsage.rss();
    let peak = 0;
    const watch = setInterval(() => {
      const total = running().reduce((sum, { pid }) => sum + memoryOf(pid!), process.memoryUsage.rss());
      peak = Math.max(peak, total);
    }, 10);
    const four = (file: Buffer): Promise<unknown[]> =>
      Promise.all(
        Array.from({ length: 4 }, () =>
          pipeline.render(file).then(
            () => 'rendered',
            ({ code }: any) => code,
          ),
        ),
      );
    const large = png({ width: 8_000, height: 6_250, depth: 16, pixelBytes: 6_250 * 64_001 });
    const bombs: Record<string, Buffer> = {
      'compressed texts': textBomb(90),
      '16 bits': large,
      'progressive JPEG': await noise(5_000, 4_000).jpeg({ progressive: true, quality: 30 }).toBuffer(),
      frames: await frameBomb(100_000),
    };
    for (const [name, file] of Object.entries(bombs)) {
      peak = 0;
      const answers = await four(file);
      // on a slow machine some of them reach the deadline, after they took the memory
      expect([name, ...answers]).toContain('rendered');
      expect(['rendered', 'image_too_large']).toEqual(expect.arrayContaining(answers));
      expect((peak - before) / MEGABYTE).toBeLessThan(400);
    }
    clearInterval(watch);
    const file = await scanBomb(9_000, 2_000, 2_000);
    const start = performance.now();
    expect(await four(file)).toEqual(Array.from({ length: 4 }, () => 'image_too_large'));
    expect(performance.now() - start).toBeLessThan(200);
  }, 120_000);
});
