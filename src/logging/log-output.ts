import { writeSync } from 'node:fs';

/** POSIX writes up to this many bytes to a pipe atomically, so that lines of several workers never interleave. */
const PIPE_BUF = 4096;
/** Chunks of that size, queued for a slow reader. Further lines are dropped and counted. */
const MAX_QUEUED_CHUNKS = 2_000;

/**
 * Writes log lines to standard output. Lines of one turn of the event loop are written together, which halves the cost per
 * line. A slow reader never blocks the process; a closed pipe never ends it.
 */
export class LogOutput {
  private chunk: string[] = [];
  private bytes = 0;
  private isScheduled = false;
  private readonly queued: string[] = [];
  private dropped = 0;

  constructor(private readonly stream: NodeJS.WriteStream = process.stdout) {
    // without a listener, EPIPE and ENOSPC would end the process
    for (const output of [process.stdout, process.stderr])
      if (!output.listeners('error').includes(ignore)) output.on('error', ignore);
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.bytes + bytes > PIPE_BUF) this.finishChunk();
    this.chunk.push(line);
    this.bytes += bytes;
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.finishChunk();
    });
  }

  /** Writes the queued lines before the process exits; they explain why it exits. Does not wait for a slow reader. */
  flushSync(): void {
    this.finishChunk();
    try {
      for (const chunk of this.queued.splice(0)) writeSync(1, chunk);
    } catch {
      this.dropped++;
    }
  }

  private finishChunk(): void {
    if (this.chunk.length === 0) return;
    const text = this.chunk.join('');
    if (this.queued.length === 0 && this.stream.writableLength === 0) this.stream.write(text, this.writeQueued);
    else if (this.queued.length < MAX_QUEUED_CHUNKS) this.queued.push(text);
    else this.dropped += this.chunk.length;
    this.chunk = [];
    this.bytes = 0;
  }

  private readonly writeQueued = (): void => {
    while (this.queued.length > 0 && this.stream.writableLength === 0)
      this.stream.write(this.queued.shift()!, this.writeQueued);
    if (this.queued.length > 0 || this.dropped === 0) return;
    const message = `Dropped ${this.dropped} log lines: standard output was read too slowly`;
    this.dropped = 0;
    this.write(`${JSON.stringify({ severity: 'WARNING', time: new Date().toISOString(), message })}\n`);
  };
}

const ignore = (): void => undefined;
