import { jest } from '@jest/globals';
import { jpeg } from '../../test/support/images.js';
import { PhotoPipeline } from './photo-pipeline.js';
import { PhotoWorkers } from './photo-workers.js';

describe('An upload', () => {
  afterEach(() => jest.useRealTimers());

  it('whose turn does not come within 25 s is refused, and not decoded later', async () => {
    const workers = new PhotoWorkers();
    const ends: Array<() => void> = [];
    const render = jest
      .spyOn(workers, 'render')
      .mockImplementation(() => new Promise((_, reject) => ends.push(() => reject(new Error('end')))));
    const pipeline = new PhotoPipeline(workers);
    const photo = await jpeg();
    jest.useFakeTimers();
    const decoding = [pipeline.render(photo), pipeline.render(photo)].map((upload) => upload.catch(() => 'ended'));
    const waiting = pipeline.render(photo).catch(({ code }: { code: string }) => code);
    await jest.advanceTimersByTimeAsync(25_000);
    expect(await waiting).toBe('overloaded');
    for (const end of ends) end();
    expect(await Promise.all(decoding)).toEqual(['ended', 'ended']);
    expect(render).toHaveBeenCalledTimes(2);
  });
});
