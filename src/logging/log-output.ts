import { writeSync } from 'node:fs';

/** POSIX writes so many bytes to a pipe at once or not at all, so that several workers do not tear each other's lines. */
const PIPE_BUF = 4096;
/** Chunks of that size, for a reader who is slow. Lines beyond are dropped, and counted. */
const MAX_QUEUED_CHUNKS = 2_000;

/**
 * Standard output. The lines of one turn of the event loop are written together, which halves what a line costs. A reader
 * who stalls holds up nobody, and one who is gone ends nobody.
 */
export class LogOutput {
  private chunk: string[] = [];
  private bytes = 0;
  private isScheduled = false;
  private readonly waiting: string[] = [];
  private dropped = 0;

  constructor(private readonly stream: NodeJS.WriteStream = process.stdout) {
    // EPIPE and ENOSPC: without a listener they would end the process
    for (const output of [process.stdout, process.stderr])
      if (!output.listeners('error').includes(ignore)) output.on('error', ignore);
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.bytes + bytes > PIPE_BUF) this.close();
    this.chunk.push(line);
    this.bytes += bytes;
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.close();
    });
  }

  /** The last lines are what one wants to know of a process that ends. Does not wait for a reader. */
  flushSync(): void {
    this.close();
    try {
      for (const chunk of this.waiting.splice(0)) writeSync(1, chunk);
    } catch {
      this.dropped++;
    }
  }

  private close(): void {
    if (this.chunk.length === 0) return;
    const text = this.chunk.join('');
    if (this.waiting.length === 0 && this.stream.writableLength === 0) this.stream.write(text, this.proceed);
    else if (this.waiting.length < MAX_QUEUED_CHUNKS) this.waiting.push(text);
    else this.dropped += this.chunk.length;
    this.chunk = [];
    this.bytes = 0;
  }

  private readonly proceed = (): void => {
    while (this.waiting.length > 0 && this.stream.writableLength === 0)
      this.stream.write(this.waiting.shift()!, this.proceed);
    if (this.waiting.length > 0 || this.dropped === 0) return;
    const message = `${this.dropped} lines of the log were dropped: nobody read them in time`;
    this.dropped = 0;
    this.write(`${JSON.stringify({ severity: 'WARNING', time: new Date().toISOString(), message })}\n`);
  };
}

const ignore = (): void => undefined;
