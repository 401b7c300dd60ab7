import type { Client } from './client.js';

export interface ServerSentEvent {
  id: string;
  event: string;
  data: any;
}

/** An open stream of server-sent events, and everything that has arrived on it. */
export class EventStream {
  readonly events: ServerSentEvent[] = [];
  comments = 0;
  lastId?: string;
  isEnded = false;
  /** Resolves when the server ends the stream, or the test closes it. */
  readonly ended: Promise<void>;

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {
    this.ended = this.read().then(() => void (this.isEnded = true));
  }

  static async open(
    { url, accessToken }: Pick<Client, 'url' | 'accessToken'>,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<EventStream> {
    const abort = new AbortController();
    const response = await fetch(url + path, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${accessToken}`, ...headers },
      signal: abort.signal,
    });
    expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
      status: 200,
      type: 'text/event-stream',
    });
    return new EventStream(response, abort);
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.ended;
  }

  private async read(): Promise<void> {
    let text = '';
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        blocks.forEach((block) => this.receive(block));
      }
    } catch {
      // cut off, or closed by the test
    }
  }

  private receive(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
    if (fields.has('')) this.comments++;
    if (fields.has('id')) this.lastId = fields.get('id');
    if (fields.has('data'))
      this.events.push({ id: fields.get('id')!, event: fields.get('event')!, data: JSON.parse(fields.get('data')!) });
  }
}
