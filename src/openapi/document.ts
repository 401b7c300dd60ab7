import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../config/version.js';
import { ProblemDto } from '../problems/problem.dto.js';
import { nameSchemas, shareParameters, shareResponses, shareSchemas } from './components.js';
import { addExamples } from './examples.js';
import { RESPONSE_HEADERS } from './header-components.js';
import type { OperationObject } from './openapi-types.js';
import { completeOperation } from './operations.js';
import { describeProblems } from './problem-responses.js';
import { completeForms } from './request-bodies.js';
import { describeEnums, markReadOnly, type SchemaMetadata, sortMembers, useIntegers } from './schemas.js';

const DESCRIPTION = `Customers of a team, and the users who manage them.

Sign in with POST /login and send the access token as \`Authorization: Bearer\`. Undocumented members are refused.

A known path with another method is 405 with \`Allow\`.

**Errors** are problem documents (RFC 9457). Use their \`code\` in programs; \`detail\` is for people and may change.

**Headers of every response**: \`X-Request-Id\`, which support requests should quote; \`Cache-Control: no-store\`, or
\`no-cache\` with an ETag, unless the operation says otherwise; \`X-Content-Type-Options: nosniff\`,
\`Content-Security-Policy\`, \`Referrer-Policy\` and, over TLS, \`Strict-Transport-Security\`. Pages of the configured origins
also get the CORS headers.

**Examples** are for a new database whose first admin has the password of POST /login.`;

const TAGS = {
  Customers: 'The customers of the team.',
  Health: 'Checks for platforms, and information about the service.',
  Login: 'Sign in and out, with a password, Google or Facebook.',
  Me: 'Your own profile, password, sessions and linked provider accounts.',
  Photos: 'Photos of customers. Their URLs are in the customer; they need no header and expire.',
  Users: 'The users who manage customers. For admins.',
} as const;

/**
 * The build writes this file from the types and comments of the source; as a constant, so that `tsc` does not look for
 * it.
 */
const METADATA: string = '../metadata.js';

/** The OpenAPI 3.1 document of all routes, from their decorators, types and comments. */
export async function createApiDocument(app: INestApplication): Promise<OpenAPIObject> {
  const { default: metadata } = (await import(METADATA)) as { default: () => Promise<SchemaMetadata> };
  await SwaggerModule.loadPluginMetadata(metadata);
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('crm-service')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .setContact('The operator of this service', 'https://crm.example.org', 'crm@example.org')
    .addServer('https://crm.example.org', 'An example: the address of your service')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The access token of POST /login: 10 minutes.' })
    .addSecurityRequirements('bearer');
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    extraModels: [ProblemDto],
    // a handler has the name that the operation has in generated clients
    operationIdFactory: (_controller, handler) => handler,
  });
  await sortMembers(document, await metadata());
  useIntegers(document);
  document.components!.headers = RESPONSE_HEADERS;
  document.components!.responses = {};
  const operations = Object.values(document.paths).flatMap((item) => Object.entries(item as Operations));
  for (const [method, operation] of operations) completeOperation(operation, method, document);
  const all = operations.map(([, operation]) => operation);
  shareParameters(document, all);
  describeProblems(document);
  describeEnums(document);
  markReadOnly(document);
  shareSchemas(document);
  completeForms(document, all);
  addExamples(document, all);
  shareResponses(document, all);
  return nameSchemas(document);
}

type Operations = Record<string, OperationObject>;
