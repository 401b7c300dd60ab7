import type { OpenAPIObject } from '@nestjs/swagger';
import { ACCESS, type AccessLevel } from '../http/route-decorators.js';
import type { OperationObject } from './openapi-types.js';

const MARKS: Record<AccessLevel, string> = { public: '✓ | ✓ | ✓', user: '— | ✓ | ✓', admin: '— | — | ✓' };

/** Who may use which route, as Markdown: a change of access shows in review as a changed line of this table. */
export function accessTable({ paths }: OpenAPIObject): string {
  const rows = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, OperationObject & { [ACCESS]: AccessLevel }>).map(
      ([method, operation]) => `| \`${method.toUpperCase()} ${path}\` | ${MARKS[operation[ACCESS]]} |`,
    ),
  );
  return [
    '# Who may use which route',
    '',
    'Written by `npm run api` from the routes themselves. ✓ may, — gets 401 (nobody is signed in) or 403.',
    'The documentation (`/docs`, `/openapi.json`, `/openapi.yaml`) is open to all, unless `DOCS=off`.',
    '',
    '| route | anonymous | user | admin |',
    '| --- | --- | --- | --- |',
    ...rows.sort((a, b) => a.localeCompare(b, 'en')),
    '',
  ].join('\n');
}
