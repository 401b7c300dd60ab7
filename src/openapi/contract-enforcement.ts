import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { LOGIN_BODY_LIMIT } from '../http/body-parsers.js';
import { ACCESS, type AccessLevel, OPEN_QUERY } from '../http/route-decorators.js';
import { resolve } from './components.js';
import type { OperationObject, ParameterObject, ResponseObject, SchemaObject } from './openapi-types.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Names of the documented query parameters; undefined for routes that are not in the OpenAPI. */
    query?: ReadonlySet<string>;
    /** Whether the route also accepts undocumented query parameters. */
    isOpen?: boolean;
    /** Media types of the body; empty if the route takes no body. */
    consumes?: ReadonlySet<string>;
    /** Names of the documented request headers. */
    headers?: ReadonlySet<string>;
    /** Members of the resource in the response that a body cannot set. */
    readOnly?: ReadonlySet<string>;
  }
}

type Json = Record<string, unknown>;

/**
 * Enforces the OpenAPI: routes neither accept nor return undocumented members. Gives every route the names of its query
 * parameters, and its response schemas, from which Fastify compiles serializers: they omit undocumented members (and
 * are 25 % faster than JSON.stringify). Call it before the routes are registered.
 */
export function enforceContract(fastify: FastifyInstance, document: OpenAPIObject): void {
  const schemas = document.components?.schemas as Json;
  fastify.addHook('onRoute', (route) => {
    if (route.url.startsWith('/login')) route.bodyLimit = LOGIN_BODY_LIMIT;
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    const method = String(route.method).toLowerCase().replace('head', 'get');
    const operation = (document.paths[path] as Record<string, OperationObject> | undefined)?.[method];
    if (!operation) return;
    const parameters = (operation.parameters ?? []).map((parameter) => resolve<ParameterObject>(document, parameter));
    const namesIn = (where: string): Set<string> =>
      new Set(parameters.filter((parameter) => parameter.in === where).map(({ name }) => name));
    const query = namesIn('query');
    const isOpen = OPEN_QUERY in operation;
    const { content } = (operation.requestBody ?? {}) as { content?: object };
    const { [ACCESS]: access } = operation as { [ACCESS]?: AccessLevel };
    route.config = {
      ...route.config,
      access,
      query,
      isOpen,
      consumes: new Set(Object.keys(content ?? {})),
      headers: namesIn('header'),
      readOnly: readOnlyMembers(operation, document),
    };
    const response: Json = {};
    for (const [status, found] of Object.entries(operation.responses)) {
      const { content } = resolve<ResponseObject>(document, found!);
      const schema = content?.['application/json']?.schema;
      if (schema) response[status] = inlineRefs(schema, schemas);
    }
    route.schema = { response };
  });
}

/** The members of a resource: of the response, unless it is about something else, such as tokens. */
function readOnlyMembers({ requestBody, responses }: OperationObject, document: OpenAPIObject): Set<string> {
  const schemas = document.components!.schemas as Record<string, SchemaObject>;
  const propertiesOf = (content: unknown): object => {
    const { schema } =
      (content as Record<string, { schema?: { $ref?: string } }> | undefined)?.['application/json'] ?? {};
    return schemas[schema?.$ref?.split('/').at(-1) ?? '']?.properties ?? {};
  };
  const success = responses['200'] ?? responses['201'];
  const resource = propertiesOf(success && resolve<ResponseObject>(document, success).content);
  const writable = propertiesOf((requestBody as { content?: object } | undefined)?.content);
  const isResource = 'id' in resource && Object.keys(writable).length > 0;
  return new Set(isResource ? Object.keys(resource).filter((name) => !(name in writable)) : []);
}

const ANNOTATIONS = ['description', 'example', 'examples'];

/** Inlines the components that a schema refers to, and removes annotations. Our components are not recursive. */
function inlineRefs(schema: unknown, schemas: Json): unknown {
  if (Array.isArray(schema)) return schema.map((item) => inlineRefs(item, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, properties, ...rest } = schema as Json & { $ref?: string; properties?: Json };
  if ($ref) return inlineRefs(schemas[$ref.split('/').at(-1)!], schemas);
  const keywords = Object.entries(rest).filter(([name]) => !ANNOTATIONS.includes(name));
  return {
    ...inlineEach(keywords, schemas),
    // the names of properties are no keywords: one may be called `description`
    ...(properties && { properties: inlineEach(Object.entries(properties), schemas) }),
  };
}

const inlineEach = (entries: Array<[string, unknown]>, schemas: Json): Json =>
  Object.fromEntries(entries.map(([name, value]) => [name, inlineRefs(value, schemas)]));
