import type { FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';

/** The media type of the body without parameters; empty if the request names none. */
export const mediaTypeOf = ({ headers }: FastifyRequest): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

export const JSON_TYPES: readonly string[] = ['application/json', 'application/merge-patch+json'];

/** Accepted photo formats; all are stored as WebP. */
export const PHOTO_TYPES: readonly string[] = ['image/jpeg', 'image/png', 'image/webp'];

/** A body of unknown type. */
const UNKNOWN_TYPE = 'application/octet-stream';

/**
 * What clients declare for photos instead: unregistered names, and the format that an iPhone converts from. The content
 * decides in any case.
 */
export const OTHER_PHOTO_TYPES: readonly string[] = [
  'image/jpg',
  'image/pjpeg',
  'image/x-png',
  'image/heic',
  'image/heif',
  UNKNOWN_TYPE,
];

export const FORM_TYPE = 'multipart/form-data';

/** A body without a type counts as one of unknown type (RFC 9110, 8.3), on the routes that take it. */
export function assumeUnknownType({ headers, routeOptions }: FastifyRequest): void {
  if (!headers['content-type'] && routeOptions.config.consumes?.has(UNKNOWN_TYPE))
    headers['content-type'] = UNKNOWN_TYPE;
}
export const CSV_TYPE = 'text/csv';
export const NDJSON_TYPE = 'application/x-ndjson';

/** The `charset` of the media type, in lower case. */
export const charsetOf = ({ headers }: FastifyRequest): string | undefined =>
  /;[ \t]*charset[ \t]*=[ \t]*"?([^ \t;"]*)/i.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase();

/**
 * The problem of a body that is compressed, or text in another encoding than UTF-8 (RFC 9110, 15.5.16). Only files to
 * import may have another encoding.
 */
export function refuseEncodings(request: FastifyRequest): Problem | null {
  const { 'content-encoding': coding, 'content-length': length, 'transfer-encoding': transfer } = request.headers;
  if (transfer === undefined && (length === undefined || length === '0')) return null;
  if (coding !== undefined && !/^[ \t,]*(identity[ \t,]*)*$/i.test(coding))
    return new Problem(
      'unsupported_media_type',
      'A compressed body is not supported. Send it without Content-Encoding.',
    );
  const charset = charsetOf(request);
  if (charset === undefined || /^utf-?8$/.test(charset) || FILE_TYPES.includes(mediaTypeOf(request))) return null;
  return new Problem('unsupported_media_type', 'The only supported charset is utf-8.');
}

const FILE_TYPES = [CSV_TYPE, NDJSON_TYPE];
