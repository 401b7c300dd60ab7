import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { isShort } from '../http/connections.js';
import { charsetOf, FORM_TYPE, mediaTypeOf, NDJSON_TYPE } from '../http/media-types.js';
import { escapePointer, Problem } from '../problems/problem.js';
import { encodingNamed } from './parsing/encodings.js';
import type { FileFormat } from './parsing/import-file.js';

const MAX_FILE_BYTES = 1024 * 1024 * 1024;
/** Boundaries and headers of a form. */
const MAX_FORM_OVERHEAD_BYTES = 64 * 1024;
/** A body that pauses for longer would hold its slot. Shorter than the time after which a silent connection ends. */
const MAX_PAUSE_MS = 30_000;

/** The file in the body of a request, which is read as the import goes on. */
export interface UploadFile {
  bytes: AsyncIterable<Uint8Array>;
  format?: FileFormat;
  /** The `charset` of the media type. */
  charset?: string;
}

/** Throws unless the body can be a file of customers. Its reading ends when `closing` aborts. */
export function uploadFileOf(request: FastifyRequest, closing: AbortSignal): UploadFile {
  const { 'content-length': length = '0' } = request.headers;
  if (Number(length) > MAX_FILE_BYTES + MAX_FORM_OVERHEAD_BYTES) throw new Problem('payload_too_large');
  const type = mediaTypeOf(request);
  if (type === '') throw new Problem('unsupported_media_type');
  if (type === FORM_TYPE) return { bytes: limited(formFile(request), closing) };
  const body = request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  return {
    bytes: limited(body, closing),
    format: type === NDJSON_TYPE ? 'ndjson' : 'csv',
    charset: supportedCharsetOf(request),
  };
}

function supportedCharsetOf(request: FastifyRequest): string | undefined {
  const charset = charsetOf(request);
  if (charset !== undefined && !encodingNamed(charset))
    throw new Problem('unsupported_media_type', 'The charset is not supported. Name the encoding of the file.');
  return charset;
}

/** Discards what is left of a short body, so that the client can use the connection for its next request. */
export function discardRest(request: FastifyRequest): void {
  request.raw.unpipe();
  if (isShort(request)) request.raw.resume();
}

async function* formFile(request: FastifyRequest): AsyncGenerator<Uint8Array> {
  const parts = request.parts({ limits: { files: 1, fields: 0, fileSize: Infinity }, isPartAFile });
  try {
    const first = (await parts.next()) as IteratorResult<MultipartFile | MultipartValue, undefined>;
    const part = first.value;
    if (part?.type !== 'file') throw missingFile();
    if (part.fieldname !== 'file') throw unknownPart(part.fieldname);
    yield* part.file as AsyncIterable<Buffer>;
    // another part is refused as over the limits above
    await parts.next();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const { code } = error as { code?: string };
    if (code === 'FST_FILES_LIMIT' || code === 'FST_FIELDS_LIMIT' || code === 'FST_PARTS_LIMIT')
      throw Problem.invalid([
        { pointer: '', code: 'unknown_member', message: 'A form must have a single part, `file`.' },
      ]);
    throw new Problem('malformed_request', 'The body is not a complete form.');
  }
}

const isPartAFile = (field?: string, _type?: string, name?: string): boolean => field === 'file' || name !== undefined;

const missingFile = (): Problem =>
  Problem.invalid([{ pointer: '/file', code: 'required', message: 'This value is required.' }]);

const unknownPart = (name: string): Problem =>
  Problem.invalid([
    { pointer: `/${escapePointer(name.toWellFormed())}`, code: 'unknown_member', message: 'Unknown member.' },
  ]);

/** Bounds the size of the file and the pauses in it. */
async function* limited(chunks: AsyncIterable<Uint8Array>, closing: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let size = 0;
  for (;;) {
    const next = await inTime(iterator.next(), closing);
    if (next.done) return;
    size += next.value.length;
    if (size > MAX_FILE_BYTES) throw new Problem('payload_too_large');
    yield next.value;
  }
}

function inTime<T>(work: Promise<T>, closing: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const close = (): void => reject(shuttingDown());
    const timer = setTimeout(
      () => reject(new Problem('request_timeout', 'The body paused for too long.')),
      MAX_PAUSE_MS,
    );
    closing.addEventListener('abort', close);
    if (closing.aborted) close();
    void work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      closing.removeEventListener('abort', close);
    });
  });
}

export const shuttingDown = (): Problem =>
  new Problem('shutting_down', 'This instance is shutting down. Send the file again to finish the import.');
