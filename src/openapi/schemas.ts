import type { OpenAPIObject } from '@nestjs/swagger';
import type { SchemaObject } from './openapi-types.js';

/** The part of the generated metadata that describes DTOs: for each file its classes by name, each with its members. */
export interface SchemaMetadata {
  '@nestjs/swagger': { models: Array<[file: Promise<Record<string, object>>, classes: Record<string, object>]> };
}

/**
 * Sorts members as in their class, those of the parent class first. Otherwise members with a decorator would come
 * first.
 */
export async function sortMembers(document: OpenAPIObject, metadata: SchemaMetadata): Promise<void> {
  const { models } = metadata['@nestjs/swagger'];
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

/** TypeScript has one type for numbers, but all numbers of this API are integers, except those with the format `double`. */
export function useIntegers(document: OpenAPIObject): void {
  const integer = (type: unknown): unknown => (type === 'number' ? 'integer' : type);
  for (const schema of Object.values(document.components!.schemas as Record<string, SchemaObject>))
    for (const property of Object.values(schema.properties ?? {}) as Array<{ type?: unknown; format?: string }>)
      if (property.type && property.format !== 'double')
        property.type = Array.isArray(property.type) ? property.type.map(integer) : integer(property.type);
}

const ENUMS: Record<string, string> = {
  CustomerAction: 'What a change of a customer was. `adopted`: the previous service had created the customer.',
  MemberErrorCode: 'Why a member of a request is invalid.',
  ProblemCode: 'Stable code of a problem. GET /problems/{code} documents it.',
  UserAction: 'What a change of a user was.',
};

/** Describes the enumerations, which have no class. */
export function describeEnums({ components }: OpenAPIObject): void {
  for (const [name, description] of Object.entries(ENUMS)) Object.assign(components!.schemas![name]!, { description });
}

/** The schemas of resources, and those whose members can be set. */
const WRITABLE: Record<string, string[]> = {
  CustomerDto: ['CreateCustomerDto'],
  UserDto: ['CreateUserDto'],
  CreatedUserDto: ['CreateUserDto'],
  SessionDto: [],
};

/** Marks the members of resources that no request can set. */
export function markReadOnly(document: OpenAPIObject): void {
  const schemas = document.components!.schemas as Record<string, SchemaObject>;
  for (const [name, requests] of Object.entries(WRITABLE)) {
    const writable = new Set(requests.flatMap((request) => Object.keys(schemas[request]!.properties!)));
    for (const [member, schema] of Object.entries(schemas[name]!.properties as Record<string, SchemaObject>))
      if (!writable.has(member)) schema.readOnly = true;
  }
}
