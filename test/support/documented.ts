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
  const operation = operationOf(api, method, path);
  if (!operation) {
    // an unknown path or method, the document itself, or a preflight
    if (![200, 204, 304, 400, 401, 404, 405, 413, 414, 415, 417, 431, 503].includes(answer.status))
      throw new Error(`${method} ${path} is ${answer.status}: ${JSON.stringify(answer.body)}`);
    if (answer.status >= 400 && method !== 'HEAD') expectProblem(api, `${method} ${path}`, answer);
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
    if (documented.content) throw new Error(`${at} has no body`);
    return;
  }
  const media = documented.content?.[type];
  if (!media) throw new Error(`${at} has the undocumented media type ${type}`);
  // the schema of newline-delimited JSON is that of a line
  for (const value of type.includes('ndjson') ? (answer.body as unknown[]) : [answer.body])
    expectSchema(api, at, media.schema, value);
}

function expectProblem(api: OpenAPIObject, at: string, { status, headers, body }: Answer): void {
  if (!headers.get('content-type')?.startsWith('application/problem+json'))
    throw new Error(`${at} ${status} is no problem document`);
  expectSchema(api, `${at} ${status}`, { $ref: '#/components/schemas/Problem' }, body);
}

function expectSchema(api: OpenAPIObject, at: string, schema: object, value: unknown): void {
  const key = JSON.stringify(schema);
  const validate = compiled.get(key) ?? compile(api, key);
  compiled.set(key, validate);
  if (!validate(value))
    throw new Error(`${at} does not match its schema: ${JSON.stringify(validate.errors)} ${JSON.stringify(value)}`);
}

function operationOf(api: OpenAPIObject, method: string, path: string): Operations[string][string] | undefined {
  const pathname = decoded(path.split(/[?#]/, 1)[0]!);
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const paths = api.paths as Operations;
  // a path without parameters comes before one that matches it, as in the router
  if (paths[pathname]) return paths[pathname][verb];
  const template = Object.keys(paths).find((name) => patternOf(name).test(pathname));
  return template === undefined ? undefined : paths[template]![verb];
}

const patterns = new Map<string, RegExp>();

function patternOf(template: string): RegExp {
  const pattern = patterns.get(template) ?? new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`);
  patterns.set(template, pattern);
  return pattern;
}

/** As the router does, which leaves an encoded slash as it is. */
function decoded(pathname: string): string {
  try {
    return decodeURI(pathname);
  } catch {
    return pathname;
  }
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
