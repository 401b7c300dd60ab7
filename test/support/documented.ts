import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { resolve } from '../../src/openapi/components.js';
import type { Answer } from './client.js';

interface Documented {
  content?: Record<string, { schema: object }>;
  headers?: Record<string, unknown>;
}

type Operations = Record<string, Record<string, { responses: Record<string, Documented | { $ref: string }> }>>;

/** All services of a run have the same document, so each schema is compiled once. */
let ajv: Ajv2020 | undefined;
const compiled = new Map<string, ValidateFunction>();

/** Fails unless the OpenAPI documents the route, the status, the media type and the schema of the response. */
export function expectDocumented(api: OpenAPIObject, method: string, path: string, answer: Answer): void {
  if (answer.status >= 500 && answer.status !== 503)
    throw new Error(`${method} ${path} is ${answer.status}: ${JSON.stringify(answer.body)}`);
  const operation = operationOf(api, method, path);
  if (!operation) {
    // an unknown path or method, the document itself, or a preflight
    expect([200, 204, 400, 404, 413, 414, 415, 431]).toContain(answer.status);
    return;
  }
  const at = `${method} ${path} ${answer.status}`;
  const response = operation.responses[answer.status];
  const documented = response && resolve<Documented>(api, response);
  if (!documented) throw new Error(`${at} is not documented: ${JSON.stringify(answer.body)}`);
  for (const name of ['etag', 'location', 'link', 'idempotency-replayed', 'www-authenticate', 'retry-after'])
    if (
      answer.headers.has(name) &&
      !Object.keys(documented.headers ?? {}).some((known) => known.toLowerCase() === name)
    )
      throw new Error(`${at} has the undocumented header ${name}`);
  if (method === 'HEAD') return;
  const type = answer.headers.get('content-type')?.split(';')[0];
  if (!type || !answer.body) {
    expect(documented.content).toBeUndefined();
    return;
  }
  const media = documented.content?.[type];
  if (!media) throw new Error(`${at} has the undocumented media type ${type}`);
  const key = JSON.stringify(media.schema);
  const validate = compiled.get(key) ?? compile(api, key);
  compiled.set(key, validate);
  // the schema of newline-delimited JSON is that of a line
  for (const value of type.includes('ndjson') ? (answer.body as unknown[]) : [answer.body])
    if (!validate(value))
      throw new Error(`${at} does not match its schema: ${JSON.stringify(validate.errors)} ${JSON.stringify(value)}`);
}

function operationOf(api: OpenAPIObject, method: string, path: string): Operations[string][string] | undefined {
  const pathname = path.split('?', 1)[0]!;
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  // a path without parameters comes before one that matches it, as in the router
  const paths = Object.entries(api.paths as Operations).sort(
    ([a], [b]) => Number(b === pathname) - Number(a === pathname),
  );
  for (const [template, operations] of paths) {
    const pattern = new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`);
    if (pattern.test(pathname) && operations[verb]) return operations[verb];
  }
  return undefined;
}

function compile(api: OpenAPIObject, schema: string): ValidateFunction {
  if (!ajv) {
    ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    // closed, to detect undocumented members
    ajv.addSchema(closed({ $id: 'api', components: api.components }));
  }
  return ajv.compile(closed(JSON.parse(schema.replaceAll('"#/', '"api#/')) as object));
}

function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  // a part of `allOf` does not know the members of the others
  const copy = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, name === 'allOf' ? value : closed(value)]),
  );
  if (copy.type === 'object' && copy.properties && !('additionalProperties' in copy)) copy.additionalProperties = false;
  return copy as T;
}
