import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiHeader } from '@nestjs/swagger';
import type { ProblemCode } from '../problems/catalog.js';

/** Who may use a route: all clients, signed-in users, or admins only. */
export type AccessLevel = 'public' | 'user' | 'admin';

export const ACCESS = 'x-access';
export const OPEN_QUERY = 'x-open-query';
/** OpenAPI extension: bodies of media types other than JSON. `openapi/operations.ts` moves it into the request body. */
export const BODY_CONTENT = 'x-body-content';
/** OpenAPI extension: problem codes. `openapi/problem-responses.ts` turns it into one response per status. */
export const PROBLEMS_EXTENSION = 'x-problems';

/** Opens a route to an access level. A route without it is closed to all: the guard fails closed. */
export function Access(access: AccessLevel): MethodDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, access),
    ApiExtension(ACCESS, access),
    ...(access === 'public' ? [] : [ApiBearerAuth(), ApiProblems('unauthenticated')]),
    ...(access === 'admin' ? [ApiProblems('forbidden')] : []),
  );
}

/** Accepts undocumented query parameters: a provider decides what it sends to its redirect target. */
export const OpenQuery = (): MethodDecorator => ApiExtension(OPEN_QUERY, true);

/** Documents the problems of a route, in addition to those of every route. Several of these add up. */
export function ApiProblems(...codes: ProblemCode[]): MethodDecorator {
  return (target, key, descriptor) => {
    const extensions = Reflect.getMetadata('swagger/apiExtension', descriptor.value as object) as
      Record<string, ProblemCode[]> | undefined;
    const known = extensions?.[PROBLEMS_EXTENSION];
    if (known) known.push(...codes);
    else ApiExtension(PROBLEMS_EXTENSION, codes)(target, key, descriptor);
  };
}

const TAG = String.raw`(?:W/)?"[\x21\x23-\x2b\x2d-\x7e\x80-\xff]*"`;
/** RFC 9110, 13.1.1 */
const ETAGS = String.raw`^(?:\*|${TAG}(?:[ \t]*,[ \t]*${TAG})*)$`;
/** Printable ASCII, without blanks at its ends. */
const KEY = String.raw`^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$`;

export const ApiIfNoneMatch = (): MethodDecorator =>
  ApiHeader({
    name: 'If-None-Match',
    description:
      'ETags that the client has. If the current version is one of them, the response is 304 without a body.',
    schema: { type: 'string', example: '"v1"' },
  });

export const ApiIfMatch = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'If-Match',
      description:
        'ETag of the version that the change is based on. If the current version differs, the response is 412. ' +
        'Without this header the write is unconditional.',
      schema: { type: 'string', pattern: ETAGS, example: '"v1"' },
    }),
    ApiProblems('version_conflict'),
  );

export const ApiIdempotencyKey = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      description:
        'Makes retries safe: within 24 hours, the same key and body return the first response again, ' +
        'with Idempotency-Replayed: true. At most 255 characters, unique per user; for example a UUID.',
      schema: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        pattern: KEY,
        example: 'c1f4e0c2-5f0c-4f0e-9d55-8f5a4d1a2b3c',
      },
    }),
    ApiProblems('idempotency_in_progress', 'idempotency_key_reused'),
  );
