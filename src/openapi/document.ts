import { STATUS_CODES } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, getSchemaPath, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../config/version.js';
import { ACCESS, BODY_CONTENT, PROBLEMS_EXTENSION } from '../http/route-decorators.js';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemDto } from '../problems/problem.dto.js';
import { MAX_ID } from '../validation/fields.js';
import type {
  OperationObject,
  ParameterObject,
  ResponseObject,
  ResponsesObject,
  SchemaObject,
} from './openapi-types.js';

const DESCRIPTION = `Customers of a team, and the users who look after them.

Sign in at POST /login and send the access token as \`Authorization: Bearer\`. Errors are problem documents (RFC 9457);
go by their \`code\`. Every answer has an \`X-Request-Id\`. Members that are not documented are refused.`;

/** Written by the build, from the types and comments of the source: the first one compiles before it is there. */
const METADATA: string = '../metadata.js';

/** What any route may answer, whatever it does. */
const EVERYWHERE: ProblemCode[] = [
  'invalid_request',
  'malformed_request',
  'internal_error',
  'overloaded',
  'database_unavailable',
];
const READING_BODIES: ProblemCode[] = ['payload_too_large', 'unsupported_media_type'];

const TEXT: SchemaObject = { type: 'string' };
const HEADERS = {
  'X-Request-Id': { description: 'Of this request; yours if you sent a sane one.', schema: TEXT },
  ETag: {
    description: 'The version of the resource, for If-Match and If-None-Match.',
    schema: { ...TEXT, example: '"v7"' },
  },
  Location: { description: 'Where the new resource is.', schema: { ...TEXT, example: '/customers/7' } },
  Link: { description: 'The next page, if there is one: rel="next" (RFC 8288).', schema: TEXT },
  'Idempotency-Replayed': { description: 'true: this is the answer to the first request.', schema: TEXT },
  'WWW-Authenticate': { description: 'RFC 6750.', schema: { ...TEXT, example: 'Bearer realm="crm-service"' } },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } as SchemaObject },
};

/** The OpenAPI 3.1 document of all routes, from their decorators, types and comments. */
export async function createApiDocument(app: INestApplication): Promise<OpenAPIObject> {
  const { default: metadata } = (await import(METADATA)) as { default: () => Promise<Metadata> };
  await SwaggerModule.loadPluginMetadata(metadata);
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('crm-service')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .addServer('/')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    extraModels: [ProblemDto],
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '').toLowerCase()}_${method}`,
  });
  await inOrderOfSource(document, (await metadata())['@nestjs/swagger'].models);
  withIntegers(document);
  document.components!.headers = HEADERS;
  for (const item of Object.values(document.paths))
    for (const [method, operation] of Object.entries(item as Record<string, OperationObject>))
      complete(operation, method, document);
  const paths = JSON.stringify(document.paths);
  const used = (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => paths.includes(`examples/${code}"`));
  document.components!.examples = Object.fromEntries(used.map((code) => [code, { value: exampleOf(code) }]));
  return document;
}

/** Of every file with DTOs its classes by name, and of every class its members, as in the source. */
type Models = Array<[Promise<Record<string, object>>, Record<string, object>]>;

interface Metadata {
  '@nestjs/swagger': { models: Models };
}

/** Members stand as in their class, those of its parent first; otherwise those with a decorator would. */
async function inOrderOfSource(document: OpenAPIObject, models: Models): Promise<void> {
  const schemas = document.components!.schemas as Record<string, SchemaObject>;
  const members = new Map(models.flatMap(([, classes]) => Object.entries(classes)));
  for (const [file, classes] of models)
    for (const [name, definition] of Object.entries(await file)) {
      const { properties } = schemas[name] ?? {};
      if (!properties || !(name in classes)) continue;
      const parent = members.get((Object.getPrototypeOf(definition) as { name: string }).name);
      const order = [...Object.keys(parent ?? {}), ...Object.keys(members.get(name)!)];
      const sorted = Object.entries(properties).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
      schemas[name]!.properties = Object.fromEntries(sorted);
    }
}

/** TypeScript has one type for numbers; all of this API's are whole. */
function withIntegers(document: OpenAPIObject): void {
  const integer = (type: unknown): unknown => (type === 'number' ? 'integer' : type);
  for (const schema of Object.values(document.components!.schemas as Record<string, SchemaObject>))
    for (const property of Object.values(schema.properties ?? {}) as Array<{ type?: unknown }>)
      if (property.type)
        property.type = Array.isArray(property.type) ? property.type.map(integer) : integer(property.type);
}

/** Writes what is the same for all operations, so that no controller has to. */
function complete(operation: OperationObject, method: string, document: OpenAPIObject): void {
  const { [PROBLEMS_EXTENSION]: declared = [], ...rest } = operation as OperationObject & Record<string, ProblemCode[]>;
  delete (operation as unknown as Record<string, unknown>)[PROBLEMS_EXTENSION];
  if ((rest as Record<string, unknown>)[ACCESS] === 'public') operation.security = [];
  const inPath = ((rest.parameters ?? []) as ParameterObject[]).filter((parameter) => parameter.in === 'path');
  for (const parameter of inPath)
    if (parameter.name === 'id') parameter.schema = { type: 'integer', minimum: 1, maximum: MAX_ID };

  const responses = operation.responses as Record<string, ResponseObject>;
  for (const [status, response] of Object.entries(responses))
    describeSuccess(response, status, method, operation, document);
  const inPathCodes: ProblemCode[] = inPath.length > 0 ? ['uri_too_long'] : [];
  const codes = [...EVERYWHERE, ...inPathCodes, ...(method === 'get' ? [] : READING_BODIES), ...declared];
  Object.assign(responses, problemResponses(codes));
  addBodyContent(operation);
  const json = (rest.requestBody as { content: Record<string, object> } | undefined)?.content;
  if (json && method === 'patch') json['application/merge-patch+json'] = json['application/json']!;
  if (hasHeader(operation, 'If-None-Match'))
    responses['304'] = { description: 'You have this version.', headers: pick('X-Request-Id', 'ETag') };
}

/** What a route takes beside JSON, or instead of it. */
function addBodyContent(operation: OperationObject): void {
  const { [BODY_CONTENT]: content } = operation as unknown as Record<string, Record<string, object>>;
  delete (operation as unknown as Record<string, unknown>)[BODY_CONTENT];
  if (!content) return;
  operation.requestBody ??= { required: true, content: {} };
  Object.assign((operation.requestBody as { content: object }).content, content);
}

function describeSuccess(
  response: ResponseObject,
  status: string,
  method: string,
  operation: OperationObject,
  document: OpenAPIObject,
): void {
  const properties = propertiesOf(response, document);
  response.description ||= STATUS_CODES[status] ?? '';
  response.headers = {
    ...response.headers,
    ...pick('X-Request-Id'),
    ...(properties.version?.type !== 'string' && properties.version ? pick('ETag') : {}),
    ...(status === '201' && properties.id ? pick('Location') : {}),
    ...(method === 'get' && properties.page ? pick('Link') : {}),
    ...(hasHeader(operation, 'Idempotency-Key') ? pick('Idempotency-Replayed') : {}),
  };
}

function problemResponses(codes: ProblemCode[]): ResponsesObject {
  const responses: ResponsesObject = {};
  for (const status of new Set(codes.map((code) => PROBLEMS[code].status))) {
    const those = [...new Set(codes)].filter((code) => PROBLEMS[code].status === status);
    responses[status] = {
      description: those.map((code) => `\`${code}\`: ${PROBLEMS[code].description}`).join('\n\n'),
      headers: {
        ...pick('X-Request-Id'),
        ...(status === 401 ? pick('WWW-Authenticate') : {}),
        ...(status === 412 ? pick('ETag') : {}),
        ...(status === 429 || status === 503 ? pick('Retry-After') : {}),
      },
      content: {
        'application/problem+json': {
          schema: { $ref: getSchemaPath(ProblemDto) },
          examples: Object.fromEntries(those.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
        },
      },
    };
  }
  return responses;
}

function exampleOf(code: ProblemCode): ProblemDto {
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
      errors: [{ pointer: '/email', code: 'invalid_email', message: 'must be an e-mail address' }],
    }),
    ...(code === 'version_conflict' && { currentVersion: 8 }),
  };
}

const hasHeader = (operation: OperationObject, name: string): boolean =>
  ((operation.parameters ?? []) as ParameterObject[]).some(
    (parameter) => parameter.in === 'header' && parameter.name === name,
  );

function pick(...names: Array<keyof typeof HEADERS>): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Of a JSON response that is an object of one of our classes. */
function propertiesOf(response: ResponseObject, document: OpenAPIObject): Record<string, SchemaObject> {
  const schema = response.content?.['application/json']?.schema as { $ref?: string } | undefined;
  const name = schema?.$ref?.split('/').at(-1);
  const component = name ? (document.components?.schemas?.[name] as SchemaObject) : undefined;
  return (component?.properties ?? {}) as Record<string, SchemaObject>;
}
