import { getSchemaPath } from '@nestjs/swagger';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemDto } from '../problems/problem.dto.js';
import { headerRefs } from './header-components.js';
import type { ResponsesObject } from './openapi-types.js';

/** One response for each status, with the description and an example of every problem that has it. */
export function problemResponses(codes: ProblemCode[]): ResponsesObject {
  const responses: ResponsesObject = {};
  for (const status of new Set(codes.map((code) => PROBLEMS[code].status))) {
    const sameStatus = [...new Set(codes)].filter((code) => PROBLEMS[code].status === status);
    responses[status] = {
      description: sameStatus.map((code) => `\`${code}\`: ${PROBLEMS[code].description}`).join('\n\n'),
      headers: {
        ...headerRefs('X-Request-Id'),
        ...(status === 401 ? headerRefs('WWW-Authenticate') : {}),
        ...(status === 412 ? headerRefs('ETag') : {}),
        ...(status === 429 || status === 503 ? headerRefs('Retry-After') : {}),
      },
      content: {
        'application/problem+json': {
          schema: { $ref: getSchemaPath(ProblemDto) },
          examples: Object.fromEntries(sameStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
        },
      },
    };
  }
  return responses;
}

/** The component that `problemResponses` refers to as example of `code`. */
export function exampleOf(code: ProblemCode): ProblemDto {
  const { status, title, description } = PROBLEMS[code];
  return {
    type: `https://crm.example.com/problems/${code}`,
    title,
    status,
    detail: description,
    instance: '/customers/7',
    code,
    requestId: '0c8f5a0e-9a3b-4f3c-8a54-3c1d9f0f2a11',
    ...(code === 'invalid_request' && {
      errors: [{ pointer: '/email', code: 'invalid_email', message: 'Must be an e-mail address.' }],
    }),
    ...(code === 'version_conflict' && { currentVersion: 8 }),
  };
}
