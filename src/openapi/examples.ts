import type { OpenAPIObject } from '@nestjs/swagger';
import { NDJSON_TYPE } from '../http/media-types.js';
import type { OperationObject, SchemaObject } from './openapi-types.js';

type Schema = SchemaObject & { $ref?: string; example?: unknown };
type Media = { schema?: Schema; example?: unknown; examples?: Record<string, object> };
type Content = Record<string, Media> | undefined;

/** Where a useful request does not have all members. */
const REQUESTS: Record<string, object> = {
  UpdateCustomerDto: { company: 'Cruz e Hijos', notes: null },
  UpdateUserDto: { surname: 'Núñez Pérez' },
  UpdateProfileDto: { surname: 'Núñez Pérez' },
  LoginDto: { email: 'admin@example.com', password: 'correct horse battery' },
};
/** A second customer, so that there are two to compare and merge. */
const SAME_PERSON = { email: 'ana.maria+crm@example.com', name: 'Ana María', surname: 'de la Cruz' };

const TIME = '2026-11-01T09:30:00.000Z';

/** By media type: files and images. */
const FILES: Record<string, unknown> = {
  'text/csv': 'email,name,surname\r\ncsv@example.com,Carlos,Sánchez\r\n',
  [`request ${NDJSON_TYPE}`]: '{"email":"ndjson@example.com","name":"Nadia","surname":"Díaz"}\n',
  'text/event-stream': 'event: change\nid: WzEsMSwxXQ\ndata: {"id":1,"version":1,"action":"created"}\n\n',
};

/**
 * Adds a whole example to every request and response. They are made of the examples of the members, and stand in the
 * components, as many operations have the same. In their order they work on a new database.
 */
export function addExamples(document: OpenAPIObject, operations: OperationObject[]): void {
  const examples = document.components!.examples as Record<string, object>;
  const schemas = document.components!.schemas as Record<string, Schema>;
  const add = (content: Content, direction: 'request' | 'response'): void => {
    for (const [type, media] of Object.entries(content ?? {})) {
      const file = FILES[`${direction} ${type}`] ?? FILES[type];
      const name = media.schema?.$ref?.split('/').at(-1);
      if (file !== undefined) media.example = file;
      else if (name !== undefined) {
        examples[nameOf(name)] = { value: exampleOf({ $ref: name }, schemas) };
        media.examples = { [nameOf(name)]: { $ref: `#/components/examples/${nameOf(name)}` } };
        if (name === 'CreateCustomerDto') media.examples.SamePerson = { value: SAME_PERSON };
      } else if (media.schema?.oneOf) media.example = exampleOf(media.schema.oneOf.at(-2) as Schema, schemas);
    }
  };
  for (const { requestBody, responses } of operations) {
    add((requestBody as { content: Content } | undefined)?.content, 'request');
    for (const response of Object.values(responses)) add((response as { content?: Content }).content, 'response');
  }
}

const nameOf = (schema: string): string => schema.replace(/Dto$/, '');

/** Of a schema; undefined if it has none. */
function exampleOf(schema: Schema, schemas: Record<string, Schema>): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)!;
    return REQUESTS[name] ?? exampleOf(schemas[name]!, schemas);
  }
  if (schema.allOf) return exampleOf(schema.allOf[0] as Schema, schemas);
  if (schema.anyOf || [schema.type].flat().includes('null')) return null;
  if (schema.format === 'date-time') return TIME;
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'array') return [exampleOf(schema.items as Schema, schemas)];
  if (!schema.properties) return undefined;
  const { properties, required = [] } = schema;
  const members = Object.entries(properties as Record<string, Schema>)
    // of the optional members those with an example of their own
    .filter(([name, { example }]) => required.includes(name) || example !== undefined)
    .map(([name, member]) => [name, exampleOf(member, schemas)] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}
