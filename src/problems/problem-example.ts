import { type ProblemCode, PROBLEMS } from './catalog.js';
import type { ProblemDto } from './problem.dto.js';

/** For the OpenAPI and the page of the code. */
export function problemExample(code: ProblemCode, origin: string): ProblemDto {
  const { status, title, description } = PROBLEMS[code];
  return {
    type: `${origin}/problems/${code}`,
    title,
    status,
    detail: description,
    instance: '/customers/1',
    code,
    requestId: 'example-1',
    ...(code === 'invalid_request' && {
      errors: [{ pointer: '/email', code: 'invalid_email', message: 'Must be an e-mail address.' }],
    }),
    ...(code === 'version_conflict' && { currentVersion: 2 }),
  };
}
