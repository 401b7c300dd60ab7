import { STATUS_CODES } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import { ACCESS, type AccessLevel, BODY_CONTENT, PROBLEMS_EXTENSION } from '../http/route-decorators.js';
import type { ProblemCode } from '../problems/catalog.js';
import { MAX_ID } from '../validation/fields.js';
import { headerRefs } from './header-components.js';
import type { OperationObject, ParameterObject, ResponseObject, SchemaObject } from './openapi-types.js';
import { problemResponses } from './problem-responses.js';
import { completeBody } from './request-bodies.js';

const BODY_PROBLEMS: ProblemCode[] = ['request_timeout', 'payload_too_large', 'unsupported_media_type'];
const HEADER_PROBLEMS: ProblemCode[] = ['expectation_failed', 'headers_too_large'];

/** What an id in a path names, by tag. */
const ID_OF: Record<string, string> = { Users: 'user', Me: 'session' };

/** An operation with the extensions that `http/route-decorators.ts` adds. */
type DecoratedOperation = OperationObject & {
  [ACCESS]: AccessLevel;
  [PROBLEMS_EXTENSION]?: ProblemCode[];
  [BODY_CONTENT]?: Record<string, object>;
};

/**
 * Adds to an operation what follows from its method, parameters, schemas and extensions, so that controllers need not.
 */
export function completeOperation(operation: OperationObject, method: string, document: OpenAPIObject): void {
  const decorated = operation as DecoratedOperation;
  const { [PROBLEMS_EXTENSION]: problems = [], [BODY_CONTENT]: bodyContent } = decorated;
  delete decorated[PROBLEMS_EXTENSION];
  delete decorated[BODY_CONTENT];
  // the document requires the bearer token of all others
  if (decorated[ACCESS] === 'public') operation.security = [];
  else delete operation.security;
  // a tag of the method replaces that of its controller
  operation.tags = operation.tags?.slice(-1);
  splitDescription(operation);
  if (operation.parameters?.length === 0) delete operation.parameters;
  completeBody(operation, method, document, bodyContent);

  const pathParameters = parametersOf(operation, 'path');
  for (const parameter of pathParameters)
    if (parameter.name === 'id') {
      const { tags: [tag = ''] = [] } = operation;
      parameter.description = `Id of the ${ID_OF[tag] ?? 'customer'}.`;
      // the first one on a new database, where the first user is the admin
      parameter.schema = { type: 'integer', minimum: 1, maximum: MAX_ID, example: tag === 'Users' ? 2 : 1 };
    }

  const responses = operation.responses as Record<string, ResponseObject>;
  for (const [status, response] of Object.entries(responses))
    completeSuccess(response, status, method, operation, document);
  const pathProblems: ProblemCode[] = pathParameters.length > 0 ? ['uri_too_long'] : [];
  const bodyProblems = method === 'get' ? [] : BODY_PROBLEMS;
  Object.assign(
    responses,
    problemResponses([...HEADER_PROBLEMS, ...pathProblems, ...bodyProblems, ...problems], document),
  );
  if (hasHeader(operation, 'If-None-Match'))
    responses['304'] = {
      description: 'The client already has this version.',
      headers: headerRefs('ETag'),
    };
}

/** The first paragraph of a handler's comment is the summary. */
function splitDescription(operation: OperationObject): void {
  const [summary, ...paragraphs] = operation.summary?.split('\n\n') ?? [];
  operation.summary = summary;
  operation.description ??= paragraphs.join('\n\n');
}

function completeSuccess(
  response: ResponseObject,
  status: string,
  method: string,
  operation: OperationObject,
  document: OpenAPIObject,
): void {
  const properties = propertiesOf(response, document);
  response.description ||= STATUS_CODES[status] ?? '';
  const headers = {
    ...response.headers,
    ...(properties.version && properties.version.type !== 'string' ? headerRefs('ETag') : {}),
    ...(status === '201' && properties.id ? headerRefs('Location') : {}),
    ...(method === 'get' && properties.page ? headerRefs('Link') : {}),
    // responses without the resource
    ...(hasHeader(operation, 'If-Match') ? headerRefs('ETag') : {}),
    ...(hasHeader(operation, 'Idempotency-Key') ? headerRefs('Idempotency-Replayed') : {}),
  };
  if (Object.keys(headers).length > 0) response.headers = headers;
}

const parametersOf = (operation: OperationObject, where: string): ParameterObject[] =>
  ((operation.parameters ?? []) as ParameterObject[]).filter((parameter) => parameter.in === where);

const hasHeader = (operation: OperationObject, name: string): boolean =>
  parametersOf(operation, 'header').some((parameter) => parameter.name === name);

/** Members of a JSON response whose schema is one of the components. */
function propertiesOf(response: ResponseObject, document: OpenAPIObject): Record<string, SchemaObject> {
  const schema = response.content?.['application/json']?.schema as { $ref?: string } | undefined;
  const name = schema?.$ref?.split('/').at(-1);
  const component = name ? (document.components?.schemas?.[name] as SchemaObject) : undefined;
  return (component?.properties ?? {}) as Record<string, SchemaObject>;
}
