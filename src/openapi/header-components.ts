import type { SchemaObject } from './openapi-types.js';

const TEXT: SchemaObject = { type: 'string' };

/** The components that responses refer to with `headerRefs`. */
export const RESPONSE_HEADERS = {
  ETag: {
    description: 'Version of the resource, for If-Match and If-None-Match.',
    schema: { ...TEXT, example: '"v7"' },
  },
  Location: { description: 'Path of the new resource.', schema: { ...TEXT, example: '/customers/7' } },
  Link: { description: 'The next page, if there is one: rel="next" (RFC 8288).', schema: TEXT },
  'Idempotency-Replayed': { description: 'true: this is the response to the first request.', schema: TEXT },
  'WWW-Authenticate': {
    description: 'Authentication challenge (RFC 6750).',
    schema: { ...TEXT, example: 'Bearer realm="crm-service"' },
  },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } as SchemaObject },
};

export function headerRefs(...names: Array<keyof typeof RESPONSE_HEADERS>): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
