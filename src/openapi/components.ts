import type { OpenAPIObject } from '@nestjs/swagger';
import type { OperationObject, ParameterObject } from './openapi-types.js';

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

/** Removes the suffix of our classes from the names of the schemas: clients get a type `Customer`. */
export function nameSchemas(document: OpenAPIObject): OpenAPIObject {
  const { schemas } = document.components!;
  document.components!.schemas = Object.fromEntries(
    Object.entries(schemas!).map(([name, schema]) => [name.replace(/Dto$/, ''), schema]),
  );
  const text = JSON.stringify(document);
  return JSON.parse(text.replace(/("#\/components\/schemas\/\w+?)Dto"/g, '$1"')) as OpenAPIObject;
}
