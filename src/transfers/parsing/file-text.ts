import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../problems/problem.js';
import { createDecoding, encodingNamed, UTF8 } from './encodings.js';

/** So much is read before the first event, so that a wrong encoding is a refusal rather than a break in the middle. */
const HEAD_BYTES = 64 * 1024;
/** A client that sends its rows slowly gets its first events after this time. */
const HEAD_MS = 1_000;
/** Text is passed on in pieces, as parsing one keeps the process busy. */
const PIECE_LENGTH = 16 * 1024;

const BYTE_ORDER_MARKS: Array<[encoding: string, mark: number[]]> = [
  [UTF8, [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** What people send by mistake, by its first bytes. */
const OTHER_FORMATS: Array<[name: string, signature: number[]]> = [
  ['an Excel workbook (XLSX) or another ZIP file', [0x50, 0x4b, 0x03, 0x04]],
  ['an Excel workbook (XLS)', [0xd0, 0xcf, 0x11, 0xe0]],
  ['a PDF', [0x25, 0x50, 0x44, 0x46]],
  ['compressed (gzip)', [0x1f, 0x8b]],
];

/**
 * Decodes a file whose encoding is told by its byte order mark, by `encoding`, or is UTF-8. Throws before it returns if
 * the start of the file is no text.
 */
export async function openText(bytes: AsyncIterable<Uint8Array>, encoding?: string): Promise<AsyncGenerator<string>> {
  const named = encoding === undefined ? undefined : encodingNamed(encoding);
  if (encoding !== undefined && !named)
    throw Problem.invalid([
      { pointer: 'encoding', code: 'unknown_encoding', message: 'Must be an encoding, such as utf-8 or windows-1252.' },
    ]);
  const source = new HeadReader(bytes[Symbol.asyncIterator]());
  const head = await source.readHead();
  refuseOtherFormats(head);
  const marked = BYTE_ORDER_MARKS.find(([, mark]) => startsWith(head, mark));
  const decoding = await createDecoding(marked?.[0] ?? named ?? utf16Without(head) ?? UTF8);
  // the decoder of the Unicode encodings drops the mark
  const text = decoding.decode(head);
  if (text.includes('\0')) throw notText('It contains NUL characters.');
  return (async function* () {
    yield* piecesOf(text);
    for await (const chunk of source.rest()) yield* piecesOf(decoding.decode(chunk));
    yield decoding.end();
  })();
}

export const notText = (reason: string): Problem =>
  Problem.invalid([
    { pointer: '', code: 'not_text', message: `The file must be text (CSV or NDJSON). ${reason}`.trimEnd() },
  ]);

function refuseOtherFormats(head: Uint8Array): void {
  const other = OTHER_FORMATS.find(([, signature]) => startsWith(head, signature));
  if (other) throw notText(`It is ${other[0]}: save it as CSV first.`);
}

/** UTF-16 without a byte order mark: the first character of a header is a Latin letter. */
function utf16Without([first, second]: Uint8Array): string | undefined {
  if (first === undefined || second === undefined) return undefined;
  if (first !== 0 && second === 0) return 'utf-16le';
  return first === 0 && second !== 0 ? 'utf-16be' : undefined;
}

const startsWith = (bytes: Uint8Array, prefix: number[]): boolean =>
  prefix.every((byte, index) => bytes[index] === byte);

function* piecesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; start += PIECE_LENGTH) yield text.slice(start, start + PIECE_LENGTH);
}

class HeadReader {
  /** Read ahead, but not in time for the head. */
  private pending?: Promise<IteratorResult<Uint8Array>>;

  constructor(private readonly iterator: AsyncIterator<Uint8Array>) {}

  /** The first bytes: 64 KiB, or fewer if the file ends or pauses there. At least four, for the marks above. */
  async readHead(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const timer = new AbortController();
    const timeout = sleep(HEAD_MS, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
    try {
      while (size < HEAD_BYTES) {
        this.pending ??= this.iterator.next();
        // it may fail when the file has been refused and its result is not awaited
        this.pending.catch(() => undefined);
        const next = size < 4 ? await this.pending : await Promise.race([this.pending, timeout]);
        if (next === 'late') break;
        this.pending = undefined;
        if (next.done) break;
        chunks.push(next.value);
        size += next.value.length;
      }
    } finally {
      timer.abort();
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = await (this.pending ?? this.iterator.next());
        this.pending = undefined;
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await this.iterator.return?.();
    }
  }
}
