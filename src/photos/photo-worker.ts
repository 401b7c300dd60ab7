import { renderPhoto, type Rendition } from './render-photo.js';

/**
 * A process that decodes photos, as a decoder can only be stopped with its process. It has neither the environment nor
 * the connections of the service.
 */
export interface RenderJob {
  file: Buffer;
  /** Memory that the job may take beyond what the process has. */
  maxBytes: number;
}

export interface RenderResult {
  rendition?: Rendition;
  problem?: 'invalid_image' | 'image_too_large';
  /** Memory of the process after the job. */
  rssBytes: number;
}

const CHECK_MS = 20;

const killSelf = (): boolean => process.kill(process.pid, 'SIGKILL');
const answer = (result: Omit<RenderResult, 'rssBytes'>, sent?: () => void): void => {
  process.send?.({ ...result, rssBytes: process.memoryUsage.rss() } satisfies RenderResult, undefined, undefined, sent);
};

async function render({ file, maxBytes }: RenderJob): Promise<void> {
  const limit = process.memoryUsage.rss() + maxBytes;
  const watch = setInterval(() => {
    if (process.memoryUsage.rss() < limit) return;
    clearInterval(watch);
    answer({ problem: 'image_too_large' }, killSelf);
  }, CHECK_MS);
  try {
    const rendition = await renderPhoto(file);
    answer({ rendition });
  } catch {
    answer({ problem: 'invalid_image' });
  } finally {
    clearInterval(watch);
  }
}

process.on('message', (job: RenderJob) => void render(job));
// the service has ended; a normal exit would wait for the decoder
process.on('disconnect', killSelf);
// a terminal signals the whole process group: the service still finishes its uploads
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
