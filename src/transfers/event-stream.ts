import { PassThrough, type Readable } from 'node:stream';

/**
 * Events that wait for a reader. A client that sends its whole file before it reads has this much room, besides what the
 * operating system buffers.
 */
const BUFFER_BYTES = 1024 * 1024;

/** The client has closed the connection. */
export class ReaderGoneError extends Error {}

/** A stream of newline-delimited JSON whose reader may be slow or gone. */
export class EventStream {
  private readonly stream = new PassThrough({ highWaterMark: BUFFER_BYTES });

  get readable(): Readable {
    return this.stream;
  }

  /** Resolves when the reader has room for more. */
  async ready(): Promise<void> {
    while (!this.stream.destroyed && this.stream.writableNeedDrain) await this.drained();
    if (this.stream.destroyed) throw new ReaderGoneError();
  }

  async send(event: object): Promise<void> {
    await this.ready();
    this.stream.write(`${JSON.stringify(event)}\n`);
  }

  /** For events that the next one replaces: dropped while the reader is slow. */
  offer(event: object): void {
    if (!this.stream.destroyed && !this.stream.writableNeedDrain) this.stream.write(`${JSON.stringify(event)}\n`);
  }

  /** The last event waits for no room. */
  end(event: object): void {
    if (!this.stream.destroyed) this.stream.end(`${JSON.stringify(event)}\n`);
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.stream.off('drain', done).off('close', done);
        resolve();
      };
      this.stream.on('drain', done).on('close', done);
    });
  }
}
