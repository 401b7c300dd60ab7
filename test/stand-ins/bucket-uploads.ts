import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { BucketObjects } from './bucket-objects.js';
import { type BucketResponse, invalid, json, notFound } from './bucket-refusals.js';

interface Session {
  key: string;
  ifGenerationMatch: string | null;
  declared: Record<string, unknown>;
  received: Buffer;
  /** The final response, repeated to a client that did not receive it. */
  result?: BucketResponse;
}

const CHUNK = 256 * 1024;

/** The two upload types of the client: one multipart request, or a resumable session in chunks. */
export class BucketUploads {
  private readonly sessions = new Map<string, Session>();

  constructor(private readonly objects: BucketObjects) {}

  multipart(query: URLSearchParams, headers: IncomingHttpHeaders, body: Buffer): BucketResponse {
    const { declared, bytes } = readMultipart(headers['content-type'] ?? '', body);
    return this.finish(
      nameOf(query, declared),
      query.get('ifGenerationMatch'),
      { ...declared, ...sums(headers) },
      bytes,
    );
  }

  start(url: URL, headers: IncomingHttpHeaders, body: Buffer): BucketResponse {
    const declared = body.length > 0 ? (JSON.parse(body.toString()) as Record<string, unknown>) : {};
    const key = nameOf(url.searchParams, declared);
    const ifGenerationMatch = url.searchParams.get('ifGenerationMatch');
    this.objects.refuseUnless(key, ifGenerationMatch);
    const contentType = headers['x-upload-content-type'];
    const id = randomUUID();
    this.sessions.set(id, {
      key,
      ifGenerationMatch,
      declared: { ...declared, ...(contentType && { contentType }) },
      received: Buffer.alloc(0),
    });
    const location = new URL(url);
    location.searchParams.set('upload_id', id);
    return { status: 200, headers: { location: location.href, 'x-guploader-uploadid': id } };
  }

  /** `isWhole`: whether the request is complete. Of an incomplete one, a multiple of 256 KiB is kept. */
  continue(query: URLSearchParams, headers: IncomingHttpHeaders, body: Buffer, isWhole: boolean): BucketResponse {
    const session = this.sessions.get(query.get('upload_id')!);
    if (!session) throw notFound('Upload session not found.');
    if (session.result) return session.result;
    const range = headers['content-range'] ?? `bytes 0-*/*`;
    const [, first, last, total] = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(range) ?? [];
    if (total === undefined) throw invalid(`Failed to parse Content-Range header.`);
    if (first !== undefined) {
      if (Number(first) > session.received.length) throw invalid('Bytes are missing before this chunk.');
      const fresh = body.subarray(session.received.length - Number(first));
      const kept = isWhole ? fresh : fresh.subarray(0, fresh.length - (fresh.length % CHUNK));
      session.received = Buffer.concat([session.received, kept]);
    }
    const isLast = total === '*' ? last === '*' : session.received.length === Number(total);
    if (!isWhole || !isLast) {
      if (isWhole && session.received.length % CHUNK > 0) throw invalid('Chunks must be multiples of 256 KiB.');
      return incomplete(session.received.length);
    }
    const { key, ifGenerationMatch, declared, received } = session;
    return (session.result = this.finish(key, ifGenerationMatch, { ...declared, ...sums(headers) }, received));
  }

  private finish(
    key: string,
    condition: string | null,
    declared: Record<string, unknown>,
    bytes: Buffer,
  ): BucketResponse {
    this.objects.refuseUnless(key, condition);
    return json(200, this.objects.upload(key, bytes, declared));
  }
}

const incomplete = (length: number): BucketResponse => ({
  status: 308,
  headers: length > 0 ? { range: `bytes=0-${length - 1}` } : {},
});

function nameOf(query: URLSearchParams, declared: Record<string, unknown>): string {
  const name = query.get('name') ?? declared.name;
  if (typeof name !== 'string' || name === '') throw invalid('Required parameter: name');
  return name;
}

/** The checksums that the client declares. */
function sums(headers: IncomingHttpHeaders): Record<string, string> {
  const declared = new Map(
    String(headers['x-goog-hash'] ?? '')
      .split(',')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const),
  );
  return {
    ...(declared.has('crc32c') && { crc32c: declared.get('crc32c')! }),
    ...(declared.has('md5') && { md5Hash: declared.get('md5')! }),
  };
}

/** `multipart/related`: the attributes as JSON, then the bytes. */
function readMultipart(type: string, body: Buffer): { declared: Record<string, unknown>; bytes: Buffer } {
  const boundary = /^multipart\/related;.*boundary="?([^";]+)/.exec(type)?.[1];
  const end = boundary ? body.lastIndexOf(`\r\n--${boundary}--`) : -1;
  const middle = boundary ? body.indexOf(`\r\n--${boundary}\r\n`) : -1;
  if (end < 0 || middle < 0 || middle >= end) throw invalid('Malformed multipart body.');
  const part = (from: number, to: number): { head: string; content: Buffer } => {
    const blank = body.indexOf('\r\n\r\n', from);
    return { head: body.subarray(from, blank).toString(), content: body.subarray(blank + 4, to) };
  };
  const metadata = part(0, middle);
  const media = part(middle + 2, end);
  const declared = JSON.parse(metadata.content.toString()) as Record<string, unknown>;
  const contentType = /content-type: *(.+?) *(?:\r\n|$)/i.exec(media.head)?.[1];
  return { declared: { contentType, ...declared }, bytes: media.content };
}
