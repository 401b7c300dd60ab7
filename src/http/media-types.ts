import type { FastifyRequest } from 'fastify';

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
