import type { SchemaObject } from './openapi-types.js';

const TEXT: SchemaObject = { type: 'string' };

/** The components that responses refer to with `headerRefs`. */
export const RESPONSE_HEADERS = {
  ETag: {
    description: 'Version of the resource, for If-Match and If-None-Match.',
    schema: { ...TEXT, example: '"v1"' },
  },
  Location: { description: 'Path of the new resource.', schema: { ...TEXT, example: '/customers/1' } },
  Link: {
    description: 'The next page, if there is one: rel="next" (RFC 8288).',
    schema: { ...TEXT, example: '</customers?cursor=abc>; rel="next"' },
  },
  'Idempotency-Replayed': {
    description: 'true: this is the response to the first request.',
    schema: { ...TEXT, example: 'true' },
  },
  'WWW-Authenticate': {
    description: 'Authentication challenge (RFC 6750).',
    schema: { ...TEXT, example: 'Bearer realm="crm-service"' },
  },
  'Retry-After': {
    description: 'Seconds to wait.',
    schema: { type: 'integer', minimum: 1, example: 1 } as SchemaObject,
  },
  'Set-Cookie': {
    description:
      'Binds the sign-in to the browser for 10 minutes: `login`, or `__Host-login` over TLS; HttpOnly, SameSite=Lax.',
    schema: { ...TEXT, example: 'login=PYJtm0wJQ1pVrq3Xy5Zk8A; Max-Age=600; Path=/; HttpOnly; SameSite=Lax' },
  },
};

export function headerRefs(...names: Array<keyof typeof RESPONSE_HEADERS>): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
