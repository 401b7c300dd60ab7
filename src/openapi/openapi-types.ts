import type { OpenAPIObject } from '@nestjs/swagger';

// Types of parts of OpenAPIObject, which @nestjs/swagger does not export.

type Direct<T> = Exclude<T, { $ref: string }>;

export type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;
export type ParameterObject = Direct<NonNullable<OperationObject['parameters']>[number]>;
export type ResponsesObject = OperationObject['responses'];
export type ResponseObject = Direct<NonNullable<ResponsesObject[string]>>;
export type SchemaObject = Direct<NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string]>;
