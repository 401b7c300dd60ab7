import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { LOGIN_BODY_LIMIT } from '../http/body-parsers.js';
import { OPEN_QUERY } from '../http/route-decorators.js';
import type { OperationObject, ParameterObject, ResponseObject } from './openapi-types.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The parameters that may stand in the query; undefined for what is not in the OpenAPI. */
    query?: ReadonlySet<string>;
    /** Whether others may stand there as well. */
    isOpen?: boolean;
    /** Media types of the body; none: there is to be no body. */
    consumes?: ReadonlySet<string>;
  }
}

type Json = Record<string, unknown>;

/**
 * Makes the OpenAPI true: what it does not document is neither taken nor given. Every route gets the names of its
 * query parameters, and serializers made of its response schemas, which leave out any member that is not in them (and
 * are a quarter faster than JSON.stringify). Has to be called before the routes are made.
 */
export function enforceContract(fastify: FastifyInstance, document: OpenAPIObject): void {
  const schemas = document.components?.schemas as Json;
  fastify.addHook('onRoute', (route) => {
    if (route.url.startsWith('/login')) route.bodyLimit = LOGIN_BODY_LIMIT;
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    const method = String(route.method).toLowerCase().replace('head', 'get');
    const operation = (document.paths[path] as Record<string, OperationObject> | undefined)?.[method];
    if (!operation) return;
    const parameters = (operation.parameters ?? []) as ParameterObject[];
    const query = new Set(parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name));
    const isOpen = OPEN_QUERY in operation;
    const { content } = (operation.requestBody ?? {}) as { content?: object };
    route.config = { ...route.config, query, isOpen, consumes: new Set(Object.keys(content ?? {})) };
    const response: Json = {};
    for (const [status, { content }] of Object.entries(operation.responses as Record<string, ResponseObject>)) {
      const schema = content?.['application/json']?.schema;
      if (schema) response[status] = inlined(schema, schemas);
    }
    route.schema = { response };
  });
}

/** With the components that it refers to written in place; ours do not refer to themselves. */
function inlined(schema: unknown, schemas: Json): unknown {
  if (Array.isArray(schema)) return schema.map((item) => inlined(item, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, ...rest } = schema as Json & { $ref?: string };
  if ($ref) return inlined(schemas[$ref.split('/').at(-1)!], schemas);
  return Object.fromEntries(
    Object.entries(rest)
      .filter(([name]) => !['description', 'example', 'examples'].includes(name))
      .map(([name, value]) => [name, inlined(value, schemas)]),
  );
}
