import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { FailureLog } from '../logging/failure-log.js';
import { Problem } from '../problems/problem.js';
import type { InspectedImage } from './inspected-image.js';
import type { RenderJob, RenderResult } from './photo-worker.js';
import type { Rendition } from './render-photo.js';

/** Tests run this file from `src`, where the worker is not compiled: both start the one in `dist`. */
const WORKER = fileURLToPath(
  import.meta.url.replace(/(\/dist)?\/src\/photos\/[^/]+$/, '/dist/src/photos/photo-worker.js'),
);
/** Without secrets. glibc returns memory of large images only with few arenas (sharp, "Installation": memory allocator). */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
/** A photo of 200 megapixels takes about 3 s. */
const DEADLINE_MS = 10_000;
/** What a job takes beside the decoder: the file, the resized image and the encoder (60 MB measured), and a reserve. */
const RENDER_BYTES = 128 * 1024 * 1024;
/** A worker starts with 75 MB. The allocator does not return all memory of large images. */
const MAX_IDLE_BYTES = 192 * 1024 * 1024;
const START_FAILURE = {
  message: 'Photos cannot be converted: the process that does it ended at its start',
  fix:
    'Look at the lines before this one, and at the limits of processes, file descriptors and memory. Restart the service ' +
    'if Node or the build was replaced.',
};

/** Processes that decode photos: started on demand, reused, and killed with what they decode. */
@Injectable()
export class PhotoWorkers implements OnApplicationShutdown {
  private readonly workers = new Set<ChildProcess>();
  private readonly idle: ChildProcess[] = [];
  private readonly failures = new FailureLog('Photos', 'error');

  /** Throws `invalid_image`, or `image_too_large` if decoding takes too much time or memory. */
  async render({ file, decodeBytes }: InspectedImage, signal?: AbortSignal): Promise<Rendition> {
    const worker = this.idle.pop() ?? this.start();
    const job = { file, maxBytes: decodeBytes + RENDER_BYTES };
    const { rendition, problem, rssBytes } = await run(worker, job, signal).catch((error: unknown) => {
      worker.kill('SIGKILL');
      throw error;
    });
    if (rssBytes > MAX_IDLE_BYTES || problem === 'image_too_large') worker.kill('SIGKILL');
    else if (this.workers.has(worker)) this.idle.push(worker);
    if (!rendition) throw new Problem(problem ?? 'invalid_image');
    return rendition;
  }

  onApplicationShutdown(): void {
    for (const worker of this.workers) worker.kill('SIGKILL');
  }

  private start(): ChildProcess {
    const stdio: ['ignore', 'ignore', 'inherit', 'ipc'] = ['ignore', 'ignore', 'inherit', 'ipc'];
    const worker = fork(WORKER, { serialization: 'advanced', env: ENVIRONMENT, execArgv: [], stdio });
    // it never keeps the service running
    worker.unref();
    worker.channel?.unref();
    this.workers.add(worker);
    const remove = (): void => {
      this.workers.delete(worker);
      const index = this.idle.indexOf(worker);
      if (index >= 0) this.idle.splice(index, 1);
    };
    worker.on('exit', (exitCode: number | null) => {
      remove();
      if (exitCode !== null) this.failures.report('exit', { ...START_FAILURE, exitCode });
    });
    worker.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      remove();
      this.failures.report(code ?? 'error', { ...START_FAILURE, driverCode: code, reason: message });
    });
    return worker;
  }
}

/** Rejects if the worker exits, the deadline passes or the client disconnects. */
function run(worker: ChildProcess, job: RenderJob, signal?: AbortSignal): Promise<RenderResult> {
  return new Promise<RenderResult>((resolve, reject) => {
    const stopped = new AbortController();
    const settle = <Value>(then: (value: Value) => void, value: Value): void => {
      clearTimeout(deadline);
      stopped.abort();
      worker.off('message', onMessage).off('exit', onExit).off('error', onError);
      then(value);
    };
    const fail = (error: Error): void => settle(reject, error);
    const onMessage = (result: RenderResult): void => settle(resolve, result);
    const onError = (): void => fail(new Problem('overloaded'));
    // Signals are crashes of a decoder, except SIGKILL, which the kernel sends when memory is short. An exit without a signal
    // is no fault of the image: the worker could not start.
    const onExit = (_: number | null, cause: string | null): void =>
      fail(new Problem(cause && cause !== 'SIGKILL' ? 'invalid_image' : 'overloaded'));
    const deadline = setTimeout(() => fail(new Problem('image_too_large')), DEADLINE_MS);
    signal?.addEventListener('abort', () => fail(new Problem('malformed_request')), { signal: stopped.signal });
    worker.on('message', onMessage).on('exit', onExit).on('error', onError);
    // without a channel, it could not be started: the process has no file descriptors left
    if (worker.connected) worker.send(job, (error) => error && onError());
    else onError();
  });
}
