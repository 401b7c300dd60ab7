import type { OpenAPIObject } from '@nestjs/swagger';
import fc from 'fast-check';
import { resolve } from '../../../src/openapi/components.js';
import type { Schema, Schemas } from './schemas.js';

export type Role = 'anonymous' | 'user' | 'admin';

export interface Operation {
  id: string;
  method: string;
  path: string;
  access: 'public' | 'user' | 'admin';
  parameters: Parameter[];
  body?: { required: boolean; content: Record<string, { schema: Schema }> };
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  required?: boolean;
  schema: Schema;
}

export interface GeneratedRequest {
  operation: Operation;
  role: Role;
  /** What makes the request invalid. */
  mistake?: string;
  path: Record<string, string>;
  query: Array<[name: string, value: string]>;
  headers: Record<string, string>;
  /** The value that the schema is about, or text that is sent as it is. */
  body?: { type: string; value?: any; text?: string };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export function operationsOf(document: OpenAPIObject): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Schema>)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => ({
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        access: operation['x-access'],
        parameters: (operation.parameters ?? []).map((parameter: Parameter) => resolve(document, parameter)),
        body: operation.requestBody,
      })),
  );
}

/** Files and images are not generated from their schema. */
const FILES: Record<string, string> = {
  'text/csv': 'email,name,surname\r\nfile@example.com,Ana,García\r\n',
  'application/x-ndjson': '{"email":"file@example.com","name":"Ana","surname":"García"}\n',
};
const JSON_TYPE = /json$/;
export const FORM_TYPE = 'multipart/form-data';

/** Requests that the document allows, and requests with one mistake that it forbids. */
export function requestsOf(operations: Operation[], schemas: Schemas): fc.Arbitrary<GeneratedRequest> {
  const valid = fc.oneof(
    ...operations.map((operation) => ({ weight: weightOf(operation), arbitrary: validOf(operation, schemas) })),
  );
  return valid.chain((request) => fc.oneof(fc.constant(request), ...mistakesOf(request, schemas)));
}

/** Password hashes and files take long. */
const weightOf = ({ id }: Operation): number =>
  /^(signIn|changePassword|redeemPasswordToken|createUser|linkIdentity)$|^(im|ex)port/.test(id) ? 1 : 6;

function validOf(operation: Operation, schemas: Schemas): fc.Arbitrary<GeneratedRequest> {
  const valuesIn = (where: Parameter['in']): fc.Arbitrary<Record<string, unknown>> => {
    const found = operation.parameters.filter((parameter) => parameter.in === where);
    const model = Object.fromEntries(found.map(({ name, schema }) => [name, schemas.valuesOf(schema)]));
    const requiredKeys = found.filter(({ required }) => required).map(({ name }) => name);
    return fc.record(model, { requiredKeys });
  };
  return fc
    .record({
      role: fc.constantFrom<Role>('anonymous', 'user', 'user', 'admin', 'admin', 'admin', 'admin'),
      path: valuesIn('path'),
      query: valuesIn('query'),
      headers: valuesIn('header'),
      body: bodyOf(operation, schemas),
    })
    .map(({ role, path, query, headers, body }) => ({
      operation,
      role,
      path: texts(path),
      query: Object.entries(texts(query)),
      headers: texts(headers),
      body,
    }))
    .filter(({ headers }) => Object.values(headers).every(isSendable));
}

const texts = (values: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** As the value of a header, unchanged. */
const isSendable = (text: string): boolean =>
  /^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(text);

function bodyOf({ body }: Operation, schemas: Schemas): fc.Arbitrary<GeneratedRequest['body']> {
  if (!body) return fc.constant(undefined);
  const bodies = Object.entries(body.content).map(([type, { schema }]): fc.Arbitrary<GeneratedRequest['body']> => {
    if (FILES[type] !== undefined) return fc.constant({ type, text: FILES[type] });
    if (type === FORM_TYPE || JSON_TYPE.test(type)) return schemas.valuesOf(schema).map((value) => ({ type, value }));
    return fc.constant({ type });
  });
  return body.required ? fc.oneof(...bodies) : fc.option(fc.oneof(...bodies), { nil: undefined });
}

const ODD_TEXTS = [
  ...['', ' ', '-1', '0', '1e3', '0x10', '1.0', '01', '2147483648', '9007199254740993', 'true ', 'TRUE', 'null', '[]'],
  ...[
    '\0',
    '🙂',
    '*',
    '"v1',
    'v1',
    '2026-11-01',
    '2026-02-30T00:00:00Z',
    '2026-11-01 00:00:00Z',
    '+1',
    'a'.repeat(101),
  ],
];
const ODD_VALUES = [null, 7, -1, 1.5, true, '', ' ', '\0', 'a', 'x'.repeat(6_000), [], {}, ['a'], { a: 1 }];
const ODD_BODIES = ['{', '', '[]', '"text"', 'null', '42', '{"a":1}{', '{"__proto__":{}}', "{'a':1}"];

/** The value of a parameter as its schema sees it. */
function parsed(schema: Schema, text: string): unknown {
  if (schema.type === 'integer') return /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : text;
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

function mistakesOf(request: GeneratedRequest, schemas: Schemas): Array<fc.Arbitrary<GeneratedRequest>> {
  const { operation, query, body } = request;
  const odd = fc.oneof(fc.constantFrom(...ODD_TEXTS), fc.string({ unit: 'binary', maxLength: 20 }));
  const found: Array<fc.Arbitrary<GeneratedRequest>> = [];
  for (const { name, in: where, schema, required } of operation.parameters) {
    const resolved = schemas.resolve(schema);
    const values = odd.filter((text) => !schemas.allows(resolved, parsed(resolved, text)));
    const mistake = `${where} ${name}`;
    // an odd segment may be another path
    if (where === 'path' && hasRule(resolved))
      found.push(
        values
          .filter((text) => /^[^./\\]+$/.test(text) && text.isWellFormed())
          .map((text) => ({ ...request, mistake, path: { ...request.path, [name]: text } })),
      );
    const others = query.filter(([key]) => key !== name);
    if (where === 'query' && hasRule(resolved))
      found.push(values.map((text) => ({ ...request, mistake, query: [...others, [name, text]] })));
    if (where === 'query' && required)
      found.push(fc.constant({ ...request, mistake: `without ${name}`, query: others }));
    if (where === 'header' && hasRule(resolved))
      found.push(
        values
          .filter(isSendable)
          .map((text) => ({ ...request, mistake, headers: { ...request.headers, [name]: text } })),
      );
  }
  if (!operation.path.endsWith('/callback')) {
    found.push(fc.constant({ ...request, mistake: 'unknown parameter', query: [...query, ['colour', 'red']] }));
    if (query.length > 0)
      found.push(fc.constant({ ...request, mistake: 'repeated parameter', query: [...query, query[0]!] }));
  }
  if (operation.body && operation.method !== 'GET')
    found.push(
      fc
        .constantFrom('text/plain', 'application/xml', 'application/x-www-form-urlencoded')
        .map((type) => ({ ...request, mistake: 'media type', body: { type, text: 'a=b' } })),
    );
  if (body?.value !== undefined) found.push(...bodyMistakes(request, schemas));
  return found;
}

const hasRule = ({ enum: values, type, pattern, maxLength, format }: Schema): boolean =>
  Boolean(values ?? pattern ?? maxLength ?? format) || !['string', undefined].includes(type);

function bodyMistakes(request: GeneratedRequest, schemas: Schemas): Array<fc.Arbitrary<GeneratedRequest>> {
  const { type, value } = request.body!;
  const { schema } = request.operation.body!.content[type]!;
  const { properties = {}, required = [] } = schemas.resolve(schema);
  const isForm = type === FORM_TYPE;
  const withBody = (mistake: string, changed: object): GeneratedRequest => ({
    ...request,
    mistake: `${isForm ? 'field' : 'member'} ${mistake}`,
    body: { type, value: changed },
  });
  const found = [fc.constant(withBody('unknown', { ...value, colour: 'red' }))];
  if (!isForm)
    found.push(
      fc.constantFrom(...ODD_BODIES).map((text) => ({ ...request, mistake: `body ${text}`, body: { type, text } })),
    );
  for (const name of required)
    found.push(
      fc.constant(
        withBody(`without ${name}`, Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))),
      ),
    );
  for (const [name, member] of Object.entries<Schema>(properties)) {
    if (member.format === 'binary') continue;
    const odd = isForm ? ODD_VALUES.filter((one) => typeof one === 'string') : ODD_VALUES;
    const wrong = odd.filter((one) => !schemas.allows(member, one));
    if (wrong.length > 0) found.push(fc.constantFrom(...wrong).map((one) => withBody(name, { ...value, [name]: one })));
  }
  return found;
}
