import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiHeader } from '@nestjs/swagger';
import type { ProblemCode } from '../problems/catalog.js';

/** Who may use a route: everybody, those who are signed in, or admins only. */
export type AccessLevel = 'public' | 'user' | 'admin';

export const ACCESS = 'x-access';
export const OPEN_QUERY = 'x-open-query';
/** Read by `openapi.ts`: bodies of other media types than JSON. */
export const BODY_CONTENT = 'x-body-content';
/** Read by `openapi.ts`, which documents one response for each status, with an example of every problem. */
export const PROBLEMS_EXTENSION = 'x-problems';

/** Opens a route. One without it stays closed to everybody: the guard has nothing to go by. */
export function Access(access: AccessLevel): MethodDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, access),
    ApiExtension(ACCESS, access),
    ...(access === 'public' ? [] : [ApiBearerAuth(), ApiProblems('unauthenticated')]),
    ...(access === 'admin' ? [ApiProblems('forbidden')] : []),
  );
}

/** Takes parameters that are not documented: what a provider sends along is not ours to say. */
export const OpenQuery = (): MethodDecorator => ApiExtension(OPEN_QUERY, true);

/** Documents the problems that a route answers with, beside those of every route. Several of these add up. */
export function ApiProblems(...codes: ProblemCode[]): MethodDecorator {
  return (target, key, descriptor) => {
    const extensions = Reflect.getMetadata('swagger/apiExtension', descriptor.value as object) as
      Record<string, ProblemCode[]> | undefined;
    const known = extensions?.[PROBLEMS_EXTENSION];
    if (known) known.push(...codes);
    else ApiExtension(PROBLEMS_EXTENSION, codes)(target, key, descriptor);
  };
}

export const ApiIfNoneMatch = (): MethodDecorator =>
  ApiHeader({
    name: 'If-None-Match',
    description: 'ETags that you have: the answer is 304 without a body if the version is still one of them.',
    schema: { type: 'string', example: '"v7"' },
  });

export const ApiIfMatch = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'If-Match',
      description:
        'The ETag that the change was made from: another version now is 412. Without it the write goes ahead.',
      schema: { type: 'string', example: '"v7"' },
    }),
    ApiProblems('version_conflict'),
  );

export const ApiIdempotencyKey = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      description:
        'Makes it safe to send the request again: within 24 hours the same key and body get the first answer again, ' +
        'with Idempotency-Replayed: true. At most 255 characters, yours alone; a UUID will do.',
      schema: { type: 'string', minLength: 1, maxLength: 255, example: 'c1f4e0c2-5f0c-4f0e-9d55-8f5a4d1a2b3c' },
    }),
    ApiProblems('idempotency_in_progress', 'idempotency_key_reused'),
  );
