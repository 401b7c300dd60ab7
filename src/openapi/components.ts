import type { OpenAPIObject } from '@nestjs/swagger';
import type { OperationObject, ParameterObject, ResponseObject, SchemaObject } from './openapi-types.js';

type Reference = { $ref: string };

/** Follows a reference within the document. */
export function resolve<T extends object>(document: OpenAPIObject, value: T | Reference): T {
  if (!('$ref' in value)) return value;
  const [, ...path] = value.$ref.split('/');
  return path.reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], document) as T;
}

/** Moves parameters that several operations have to the components. */
export function shareParameters(document: OpenAPIObject, operations: OperationObject[]): void {
  const uses = new Map<string, number>();
  const all = operations.flatMap(({ parameters = [] }) => parameters.map((parameter) => JSON.stringify(parameter)));
  for (const text of all) uses.set(text, (uses.get(text) ?? 0) + 1);

  const shared: Record<string, ParameterObject> = {};
  const names = new Map<string, string>();
  for (const operation of operations)
    operation.parameters = operation.parameters?.map((parameter) => {
      const text = JSON.stringify(parameter);
      if (uses.get(text) === 1) return parameter;
      const { name } = parameter as ParameterObject;
      const key = names.get(text) ?? (name in shared ? `${operation.tags![0]}.${name}` : name);
      names.set(text, key);
      shared[key] = parameter as ParameterObject;
      return { $ref: `#/components/parameters/${key}` };
    });
  document.components!.parameters = shared;
}

/** Members that several requests have, and what their schema is called. */
const SHARED_SCHEMAS: Record<string, [name: string, description: string]> = {
  email: ['EmailAddress', 'An e-mail address of the public Internet (RFC 6531). Trimmed and lower-cased.'],
  name: ['Name', 'One line of visible text. Trimmed.'],
  phone: ['PhoneNumber', 'An international phone number (E.164). Decoration is removed.'],
  notes: ['Notes', 'Text of several lines.'],
  newPassword: ['NewPassword', 'A password that is not easy to guess. Its length is that of its NFKC form.'],
};

/** Moves schemas of strings with a long pattern to the components. What is said of a member stays there. */
export function shareSchemas({ components }: OpenAPIObject): void {
  const schemas = components!.schemas as Record<string, SchemaObject>;
  const names = new Map<string, string>();
  const members = Object.values(schemas).flatMap(({ properties }) => Object.entries(properties ?? {}));
  for (const [member, schema] of members as Array<[string, SchemaObject]>) {
    const [name, description] = SHARED_SCHEMAS[member] ?? [];
    const rules = rulesOf(schema);
    if (!name || !rules.pattern || names.has(JSON.stringify(rules))) continue;
    if (schemas[name]) continue;
    names.set(JSON.stringify(rules), name);
    schemas[name] = { ...rules, description };
  }
  const share = (owner: Record<string, SchemaObject>, member: string): void => {
    const { description, example, type } = owner[member] as Documented;
    const name = names.get(JSON.stringify(rulesOf(owner[member]!)));
    if (!name) return;
    const $ref = { $ref: `#/components/schemas/${name}` };
    const isNullable = Array.isArray(type);
    owner[member] = { ...(isNullable ? { anyOf: [$ref, { type: 'null' }] } : $ref), description, example };
  };
  for (const [name, { properties }] of Object.entries(schemas))
    if (!Object.values(SHARED_SCHEMAS).some(([shared]) => shared === name))
      for (const member of Object.keys(properties ?? {})) share(properties as Record<string, SchemaObject>, member);
  for (const parameter of Object.values(components!.parameters ?? {}))
    share(parameter as unknown as Record<string, SchemaObject>, 'schema');
}

type Documented = Omit<SchemaObject, 'example'> & { example?: unknown };

/** What decides whether a value is valid, except that some may be null. */
const rulesOf = ({ format, pattern, minLength, maxLength }: SchemaObject): SchemaObject => ({
  type: 'string',
  format,
  pattern,
  minLength,
  maxLength,
});

/** Moves successful responses that several operations have to the components. */
export function shareResponses(document: OpenAPIObject, operations: OperationObject[]): void {
  const uses = new Map<string, number>();
  const found = operations.flatMap(({ responses }) =>
    Object.entries(responses as Record<string, ResponseObject | Reference>)
      .filter(([, response]) => !('$ref' in response))
      .map(([status, response]) => ({ responses, status, response: response as ResponseObject })),
  );
  for (const { response } of found) {
    const text = JSON.stringify(response);
    uses.set(text, (uses.get(text) ?? 0) + 1);
  }
  const shared = document.components!.responses as Record<string, ResponseObject>;
  const names = new Map<string, string>();
  for (const { responses, status, response } of found) {
    const text = JSON.stringify(response);
    if (uses.get(text) === 1) continue;
    const schema = response.content?.['application/json']?.schema as { $ref?: string } | undefined;
    const base = schema?.$ref?.split('/').at(-1)?.replace(/Dto$/, '') ?? SUCCESS_NAMES[status] ?? `Status${status}`;
    const name = names.get(text) ?? (base in shared ? `${base}${Object.keys(response.headers ?? {}).length}` : base);
    names.set(text, name);
    shared[name] = response;
    responses[status] = { $ref: `#/components/responses/${name}` };
  }
}

const SUCCESS_NAMES: Record<string, string> = { '204': 'Done', '304': 'NotModified' };

/** Removes the suffix of our classes from the names of the schemas: clients get a type `Customer`. */
export function nameSchemas(document: OpenAPIObject): OpenAPIObject {
  const { schemas } = document.components!;
  document.components!.schemas = Object.fromEntries(
    Object.entries(schemas!).map(([name, schema]) => [name.replace(/Dto$/, ''), schema]),
  );
  const text = JSON.stringify(document);
  return JSON.parse(text.replace(/("#\/components\/schemas\/\w+?)Dto"/g, '$1"')) as OpenAPIObject;
}
