import { type Client, linesOf } from './client.js';

/** An import whose file is still being sent. */
export interface OpenImport {
  write: (text: string) => void;
  /** Ends the file. */
  end: () => void;
  /** Closes the connection. */
  leave: () => void;
  /** The next event that `matches`. */
  next: (matches: (event: any) => boolean) => Promise<any>;
  /** All events until the response ends. */
  rest: () => Promise<any[]>;
}

/** Starts an import, and sends the first part of its file. */
export async function openImport({ url, accessToken }: Client, start: string, query = ''): Promise<OpenImport> {
  const encoder = new TextEncoder();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const abort = new AbortController();
  const write = (text: string): void => controller.enqueue(encoder.encode(text));
  write(start);
  const response = await fetch(`${url}/customers/import${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'text/csv' },
    body,
    duplex: 'half',
    signal: abort.signal,
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const events: any[] = [];
  let open = '';
  const read = async (): Promise<boolean> => {
    const { value, done } = await reader.read();
    if (done) return false;
    const complete = (open + value).lastIndexOf('\n') + 1;
    events.push(...linesOf((open + value).slice(0, complete)));
    open = (open + value).slice(complete);
    return true;
  };
  return {
    write,
    end: () => controller.close(),
    leave: () => abort.abort(),
    next: async (matches) => {
      for (;;) {
        const found = events.find(matches);
        if (found) return found;
        if (!(await read())) throw new Error(`The response ended: ${JSON.stringify(events)}`);
      }
    },
    rest: async () => {
      while (await read());
      return events;
    },
  };
}
