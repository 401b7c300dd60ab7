import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../config/version.js';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemDto } from '../problems/problem.dto.js';
import { RESPONSE_HEADERS } from './header-components.js';
import type { OperationObject } from './openapi-types.js';
import { completeOperation } from './operations.js';
import { exampleOf } from './problem-responses.js';
import { type SchemaMetadata, sortMembers, useIntegers } from './schemas.js';

const DESCRIPTION = `Customers of a team, and the users who manage them.

Sign in with POST /login and send the access token as \`Authorization: Bearer\`. Errors are problem documents (RFC 9457);
use their \`code\` in programs. Every response has an \`X-Request-Id\`. Undocumented members are refused.`;

/**
 * The build writes this file from the types and comments of the source; as a constant, so that `tsc` does not look for
 * it.
 */
const METADATA: string = '../metadata.js';

/** The OpenAPI 3.1 document of all routes, from their decorators, types and comments. */
export async function createApiDocument(app: INestApplication): Promise<OpenAPIObject> {
  const { default: metadata } = (await import(METADATA)) as { default: () => Promise<SchemaMetadata> };
  await SwaggerModule.loadPluginMetadata(metadata);
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('crm-service')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .addServer('/')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    extraModels: [ProblemDto],
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '').toLowerCase()}_${method}`,
  });
  await sortMembers(document, await metadata());
  useIntegers(document);
  document.components!.headers = RESPONSE_HEADERS;
  for (const item of Object.values(document.paths))
    for (const [method, operation] of Object.entries(item as Record<string, OperationObject>))
      completeOperation(operation, method, document);
  document.components!.examples = examplesOf(document);
  return document;
}

/** The examples of the problems that at least one operation documents. */
function examplesOf(document: OpenAPIObject): Record<string, { value: ProblemDto }> {
  const paths = JSON.stringify(document.paths);
  const used = (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => paths.includes(`examples/${code}"`));
  return Object.fromEntries(used.map((code) => [code, { value: exampleOf(code) }]));
}
