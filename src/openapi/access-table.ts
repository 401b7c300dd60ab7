import type { OpenAPIObject } from '@nestjs/swagger';
import { ACCESS, type AccessLevel } from '../http/route-decorators.js';
import type { OperationObject } from './openapi-types.js';

const MARKS: Record<AccessLevel, string> = { public: '✓ | ✓ | ✓', user: '— | ✓ | ✓', admin: '— | — | ✓' };

/** Permissions by route, as Markdown: a change of access shows up in review as a changed line of this table. */
export function accessTable({ paths }: OpenAPIObject): string {
  const rows = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, OperationObject & { [ACCESS]: AccessLevel }>).map(
      ([method, operation]) => `| \`${method.toUpperCase()} ${path}\` | ${MARKS[operation[ACCESS]]} |`,
    ),
  );
  return [
    '# Permissions by route',
    '',
    'Generated from the routes by `npm run api`. ✓: allowed. —: 401 without sign-in, otherwise 403.',
    'The documentation (`/docs`, `/openapi.json`, `/openapi.yaml`) is public unless `DOCS=off`.',
    '',
    '| route | anonymous | user | admin |',
    '| --- | --- | --- | --- |',
    ...rows.sort((a, b) => a.localeCompare(b, 'en')),
    '',
  ].join('\n');
}
