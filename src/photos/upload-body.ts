import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { checkText } from '../http/body-parsers.js';
import { isShort } from '../http/connections.js';
import { escapePointer, type InvalidMember, Problem } from '../problems/problem.js';

const MAX_PHOTO_BYTES = 10 * 1024 * 1024;
/** The part of a form that is not the photo: boundaries, headers and a few short fields. */
const MAX_FORM_OVERHEAD_BYTES = 64 * 1024;
/** Beyond them, the refusal no longer names each part. */
const LIMITS = {
  files: 4,
  fileSize: MAX_PHOTO_BYTES,
  fields: 100,
  fieldSize: 32 * 1024,
  fieldNameSize: 100,
  headerPairs: 20,
};

export interface UploadBody {
  fields: Record<string, string>;
  photo?: Buffer;
}

/** Checks the declared length, before the body is read. */
export const isTooLarge = ({ headers }: FastifyRequest): boolean =>
  Number(headers['content-length'] ?? 0) > MAX_PHOTO_BYTES + MAX_FORM_OVERHEAD_BYTES;

/** Reads a body that is the image itself. */
export async function readImage(request: FastifyRequest): Promise<UploadBody> {
  return drainOnError(request, async () => {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request.raw.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > MAX_PHOTO_BYTES) throw new Problem('payload_too_large');
      chunks.push(chunk as Buffer);
    }
    return { fields: {}, photo: size > 0 ? Buffer.concat(chunks) : undefined };
  });
}

/** Reads a form (RFC 7578) with text fields and one file, `photo`. Ignores file names and declared types. */
export async function readForm(request: FastifyRequest): Promise<UploadBody> {
  return drainOnError(request, async () => {
    const form: UploadBody = { fields: Object.create(null) as Record<string, string> };
    const errors: InvalidMember[] = [];
    try {
      for await (const part of request.parts({ limits: LIMITS, isPartAFile })) {
        const error = part.type === 'file' ? await takeFile(form, part) : takeField(form, part);
        if (error) errors.push({ pointer: `/${escapePointer(part.fieldname ?? '')}`, ...error });
      }
    } catch (error) {
      if (!TOO_MANY_PARTS.includes((error as { code?: string }).code ?? '')) throw error;
      const message = `Must not have more than ${LIMITS.fields} fields and ${LIMITS.files} files.`;
      errors.push({ pointer: '', code: 'too_many_members', message });
    }
    if (errors.length > 0) throw Problem.invalid(errors);
    return { ...form, fields: { ...form.fields } };
  });
}

/** A part named `photo` is a file even if it has no file name. */
const isPartAFile = (field?: string, _type?: string, file?: string): boolean => field === 'photo' || file !== undefined;

const TOO_MANY_PARTS = ['FST_PARTS_LIMIT', 'FST_FILES_LIMIT', 'FST_FIELDS_LIMIT'];

type FieldError = Omit<InvalidMember, 'pointer'>;
const REPEATED: FieldError = { code: 'repeated', message: 'Must not be repeated.' };
const UNKNOWN: FieldError = { code: 'unknown_member', message: 'Unknown member.' };

async function takeFile(form: UploadBody, part: MultipartFile): Promise<FieldError | undefined> {
  if (part.fieldname !== 'photo' || form.photo) {
    // its bytes are refused unseen, and take no memory
    part.file.resume();
    return part.fieldname === 'photo' ? REPEATED : UNKNOWN;
  }
  const bytes = await part.toBuffer();
  if (bytes.length > 0) form.photo = bytes;
  // browsers send an empty part without a file name if no file was chosen
  return bytes.length === 0 && part.filename ? { code: 'empty', message: 'Must not be empty.' } : undefined;
}

/** Browsers send empty fields too: they count as missing. */
function takeField(form: UploadBody, { fieldname, value, valueTruncated }: MultipartValue): FieldError | undefined {
  if (valueTruncated) return { code: 'too_long', message: 'Must have at most 32 KiB.' };
  if (typeof value !== 'string') return { code: 'not_a_string', message: 'Must be text.' };
  // the parser replaces invalid UTF-8 by U+FFFD
  if (value.includes('\ufffd')) return { code: 'invalid_text', message: 'Must be text in UTF-8.' };
  checkText(value, `/${escapePointer(fieldname)}`);
  if (fieldname in form.fields) return REPEATED;
  // forms end lines with CRLF (HTML, "normalize newlines"); JSON with the same text would have LF
  if (value !== '') form.fields[fieldname] = value.replaceAll('\r\n', '\n');
  return undefined;
}

/** After an error, drains the rest of a short body: the client can use the connection for its next request. */
async function drainOnError(request: FastifyRequest, read: () => Promise<UploadBody>): Promise<UploadBody> {
  try {
    return await read();
  } catch (error) {
    request.raw.unpipe();
    if (isShort(request)) request.raw.resume();
    const { statusCode } = error as { statusCode?: number };
    if (error instanceof Problem || statusCode === 413) throw error;
    // no boundary, truncated, a field named `__proto__`, connection lost
    throw new Problem('malformed_request', 'The body is not a complete form or image.');
  }
}
