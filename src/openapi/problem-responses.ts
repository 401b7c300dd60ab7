import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemDto } from '../problems/problem.dto.js';
import { problemExample } from '../problems/problem-example.js';
import { headerRefs } from './header-components.js';
import type { ResponseObject, ResponsesObject } from './openapi-types.js';

/** The problems of every operation, and what their status is called in the names of the components. */
export const COMMON_PROBLEMS = [
  'invalid_request',
  'malformed_request',
  'internal_error',
  'overloaded',
  'database_unavailable',
] as const satisfies ProblemCode[];
const COMMON_NAMES: Record<number, string> = { 400: 'BadRequest', 500: 'InternalError', 503: 'Unavailable' };

/** One response for each status. Operations with the same problems share a component. */
export function problemResponses(codes: ProblemCode[], { components }: OpenAPIObject): ResponsesObject {
  const responses: ResponsesObject = {};
  const unique = [...new Set([...COMMON_PROBLEMS, ...codes])];
  for (const status of new Set(unique.map((code) => PROBLEMS[code].status))) {
    const sameStatus = unique.filter((code) => PROBLEMS[code].status === status).sort();
    const special = sameStatus.filter((code) => !(COMMON_PROBLEMS as readonly string[]).includes(code));
    const name = [COMMON_NAMES[status] ?? [], special.map(pascalCase)].flat().join('Or');
    components!.responses![name] ??= responseOf(status, sameStatus);
    responses[status] = { $ref: `#/components/responses/${name}` };
  }
  return responses;
}

function responseOf(status: number, codes: ProblemCode[]): ResponseObject {
  const headers = headerRefs(
    ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
    ...(status === 412 ? (['ETag'] as const) : []),
    ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
  );
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join('\n'),
    ...(Object.keys(headers).length > 0 && { headers }),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: getSchemaPath(ProblemDto) }, { type: 'object', properties: { code: { enum: codes } } }],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

const pascalCase = (code: string): string => code.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());

/** Adds an example of every problem that an operation documents, and describes the codes in one place. */
export function describeProblems({ components }: OpenAPIObject): void {
  const responses = JSON.stringify(components!.responses);
  const used = (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => responses.includes(`examples/${code}"`));
  components!.examples = Object.fromEntries(
    used.map((code) => [code, { value: problemExample(code, 'https://crm.example.org') }]),
  );
}
