import type { FastifyRequest } from 'fastify';

/** The media type of the body without parameters; empty if the request names none. */
export const mediaTypeOf = ({ headers }: FastifyRequest): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

export const JSON_TYPES: readonly string[] = ['application/json', 'application/merge-patch+json'];

/** Accepted photo formats; all are stored as WebP. */
export const PHOTO_TYPES: readonly string[] = ['image/jpeg', 'image/png', 'image/webp'];

export const FORM_TYPE = 'multipart/form-data';
