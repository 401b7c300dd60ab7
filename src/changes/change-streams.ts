import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { FeedPosition } from '../history/history-feed.js';
import { Problem } from '../problems/problem.js';
import { ChangeMapper } from './change-mapper.js';
import { type Change, ChangesService } from './changes.service.js';
import type { Reader } from './reader.js';
import { type ReadChanges, WaitingReaders } from './waiting-readers.js';

/** Changes that a stream holds in memory while its client does not read. */
const PAGE_SIZE = 25;
/** Proxies end connections that are silent for longer, often after 30 or 60 s. */
const COMMENT_MS = 15_000;
/** Together less than the 10 s within which a stream ends after its reader has lost access. */
const ACCESS_CHECK_MS = 3_000;
const UNCONFIRMED_MS = 4_000;
const CLOSING_MS = 1_500;

const COMMENT = ':\n\n';

/** The feed as server-sent events (HTML Living Standard, 9.2). Reads as fast as its client does. */
@Injectable()
export class ChangeStreams {
  constructor(
    private readonly changes: ChangesService,
    private readonly readers: WaitingReaders,
    private readonly mapper: ChangeMapper,
  ) {}

  async open(after: string | undefined, reader: Reader): Promise<Readable> {
    const { lastEventId, isHead } = reader;
    const pointer = lastEventId === undefined ? 'after' : 'Last-Event-ID';
    // `now` is no id that a stream has sent
    const position =
      lastEventId === 'now'
        ? await this.changes.positionOf('', pointer)
        : await this.changes.positionOf(lastEventId ?? after, pointer);
    // here, as a stream that has begun cannot be refused any more
    const first = await this.changes.read(position, PAGE_SIZE, pointer);
    if (isHead) return Readable.from([]);
    return this.readers.admit(reader.userId, (release) => {
      const ended = new AbortController();
      // a client that never gets an event still has to know where to go on
      const greeting = after === 'now' ? `id: ${this.changes.cursorOf(position)}\n\n` : COMMENT;
      const events = this.events(greeting, position, first, reader, ended.signal);
      const stream = Readable.from(events, { objectMode: false });
      const stopChecks = checkAccess(reader, () => {
        ended.abort();
        // if the client does not read either
        setTimeout(() => stream.destroy(), CLOSING_MS).unref();
      });
      stream.once('close', () => {
        ended.abort();
        stopChecks();
        release();
      });
      return Promise.resolve(stream);
    });
  }

  private async *events(
    greeting: string,
    start: FeedPosition,
    first: Change[],
    { origin }: Reader,
    ended: AbortSignal,
  ): AsyncGenerator<string> {
    yield greeting;
    let position = start;
    let page = first;
    let commentAt = performance.now() + COMMENT_MS;
    while (!ended.aborted && !this.readers.isStopped) {
      for (const change of page) {
        if (ended.aborted) return;
        position = change.position;
        yield this.format(change, origin);
      }
      let read: ReadChanges | undefined = (...args) => this.changes.read(...args);
      if (page.length < PAGE_SIZE) read = await this.readers.wait(position, commentAt - performance.now(), ended);
      if (performance.now() >= commentAt) {
        yield COMMENT;
        commentAt = performance.now() + COMMENT_MS;
      }
      page = read ? await read(position, PAGE_SIZE) : [];
    }
  }

  private format(change: Change, origin: string): string {
    const id = this.changes.cursorOf(change.position);
    return `id: ${id}\nevent: change\ndata: ${JSON.stringify(this.mapper.toDto(change, origin))}\n\n`;
  }
}

/** Calls `onLost` once the reader has lost access, or if this cannot be confirmed for a while. Returns how to stop. */
function checkAccess({ confirmToken }: Reader, onLost: () => void): () => void {
  let confirmedAt = performance.now();
  const timer = setInterval(() => {
    confirmToken().then(
      () => (confirmedAt = performance.now()),
      (error: unknown) => {
        if (!(error instanceof Problem) && performance.now() - confirmedAt < UNCONFIRMED_MS) return;
        clearInterval(timer);
        onLost();
      },
    );
  }, ACCESS_CHECK_MS).unref();
  return () => clearInterval(timer);
}
