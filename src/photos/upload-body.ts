import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { checkText } from '../http/body-parsers.js';
import { escapePointer, type InvalidMember, Problem } from '../problems/problem.js';

/** Bytes of a photo. */
const MAX_PHOTO_BYTES = 10 * 1024 * 1024;
/** What a form has beside the photo: boundaries, headers, and fields, which are a few lines of text each. */
const MAX_FORM_OVERHEAD_BYTES = 64 * 1024;
const LIMITS = {
  files: 1,
  fileSize: MAX_PHOTO_BYTES,
  fields: 20,
  fieldSize: 32 * 1024,
  fieldNameSize: 100,
  headerPairs: 20,
};

export interface UploadBody {
  fields: Record<string, string>;
  photo?: Buffer;
}

/** As far as the client says: told before anything of it is read. */
export const isTooLarge = ({ headers }: FastifyRequest): boolean =>
  Number(headers['content-length'] ?? 0) > MAX_PHOTO_BYTES + MAX_FORM_OVERHEAD_BYTES;

/** A bare image. */
export async function readImage(request: FastifyRequest): Promise<UploadBody> {
  return drainingOnError(request, async () => {
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

/** A form (RFC 7578) with text fields and one file, `photo`. Names of files and declared types mean nothing. */
export async function readForm(request: FastifyRequest): Promise<UploadBody> {
  return drainingOnError(request, async () => {
    const form: UploadBody = { fields: Object.create(null) as Record<string, string> };
    const errors: InvalidMember[] = [];
    for await (const part of request.parts({ limits: LIMITS, isPartAFile })) {
      const error = part.type === 'file' ? await takeFile(form, part) : takeField(form, part);
      if (error) errors.push({ pointer: `/${escapePointer(part.fieldname ?? '')}`, ...error });
    }
    if (errors.length > 0) throw Problem.invalid(errors);
    return { ...form, fields: { ...form.fields } };
  });
}

/** Also one without a name. */
const isPartAFile = (field?: string, _type?: string, file?: string): boolean => field === 'photo' || file !== undefined;

type FieldError = Omit<InvalidMember, 'pointer'>;
const REPEATED: FieldError = { code: 'repeated', message: 'must be given once' };

async function takeFile(form: UploadBody, part: MultipartFile): Promise<FieldError | undefined> {
  const bytes = await part.toBuffer();
  if (part.fieldname !== 'photo') return { code: 'unknown_member', message: 'is not known' };
  if (form.photo) return REPEATED;
  // what a browser sends for a file that was not chosen
  if (bytes.length > 0 || part.filename) form.photo = bytes;
  return undefined;
}

/** Forms send what was left empty as well: it counts as missing. */
function takeField(form: UploadBody, { fieldname, value, valueTruncated }: MultipartValue): FieldError | undefined {
  if (valueTruncated) return { code: 'too_long', message: 'must have at most 32 KiB' };
  if (typeof value !== 'string') return { code: 'not_a_string', message: 'must be text' };
  // what the parser puts for bytes that are not UTF-8
  if (value.includes('\ufffd')) return { code: 'invalid_text', message: 'must be text in UTF-8' };
  checkText(value, `/${escapePointer(fieldname)}`);
  if (fieldname in form.fields) return REPEATED;
  // forms end lines with CRLF (HTML, "normalize newlines"); the same text as JSON would have had LF
  if (value !== '') form.fields[fieldname] = value.replaceAll('\r\n', '\n');
  return undefined;
}

/** Whatever goes wrong, the rest of the body is drained: the connection is the client's for its next request. */
async function drainingOnError(request: FastifyRequest, read: () => Promise<UploadBody>): Promise<UploadBody> {
  try {
    return await read();
  } catch (error) {
    request.raw.unpipe();
    request.raw.resume();
    const { statusCode } = error as { statusCode?: number };
    if (error instanceof Problem || statusCode === 413) throw error;
    // no boundary, an early end, a name that reaches an object's prototype, a connection that was lost
    throw new Problem('malformed_request', 'The body is not a complete form or image.');
  }
}
