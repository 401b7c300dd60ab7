import type { OpenAPIObject } from '@nestjs/swagger';
import { FORM_TYPE } from '../http/media-types.js';
import type { OperationObject, SchemaObject } from './openapi-types.js';

type Content = Record<string, { schema?: object }>;
type Part = SchemaObject & { $ref?: string };

/**
 * Adds merge patches to the media types of PATCH, and the media types that a decorator declares. Closes all schemas:
 * unknown members are refused.
 */
export function completeBody(
  operation: OperationObject,
  method: string,
  { components }: OpenAPIObject,
  added: Content = {},
): void {
  const schemas = components!.schemas as Record<string, SchemaObject>;
  const declared = operation.requestBody as { content: Content } | undefined;
  const json = declared?.content['application/json'];
  if (json) schemas[nameOf(json.schema as Part)]!.additionalProperties = false;
  if (json && method === 'patch') declared.content['application/merge-patch+json'] = json;
  if (Object.keys(added).length === 0) return;
  operation.requestBody = declared ?? { required: true, content: {} };
  const { content } = operation.requestBody as { content: Content };
  Object.assign(content, added);
}

/** Closes the schemas of forms, too. Those with the members of a model become components. */
export function completeForms({ components }: OpenAPIObject, operations: OperationObject[]): void {
  const schemas = components!.schemas as Record<string, SchemaObject>;
  for (const { requestBody } of operations) {
    const media = (requestBody as { content: Content } | undefined)?.content[FORM_TYPE];
    const form = media?.schema as SchemaObject | undefined;
    if (form?.allOf) {
      const [model, file] = form.allOf as [Part, SchemaObject];
      const name = `${nameOf(model).replace(/Dto$/, '')}Form`;
      schemas[name] = formOf(schemas[nameOf(model)]!, file);
      media!.schema = { $ref: `#/components/schemas/${name}` };
    } else if (form) form.additionalProperties = false;
  }
}

const nameOf = ({ $ref = '' }: Part): string => $ref.split('/').at(-1)!;

/** The members of `model` as fields of a form, which are text: an empty field is none. */
function formOf(model: SchemaObject, file: SchemaObject): SchemaObject {
  const fields = Object.entries(model.properties!).map(([name, schema]) => {
    const { anyOf } = schema as SchemaObject;
    return [name, anyOf ? { ...schema, anyOf: [anyOf[0], { type: 'string', const: '' }] } : schema];
  });
  return {
    ...model,
    description: `${model.description} An empty field counts as missing.`,
    properties: { ...(Object.fromEntries(fields) as SchemaObject['properties']), ...file.properties },
    additionalProperties: false,
  };
}
