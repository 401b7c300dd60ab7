import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { dump } from 'js-yaml';
import { StaticDocument } from './static-document.js';

/** Serves the OpenAPI as JSON, as YAML, and in Swagger UI, whose files `@fastify/static` serves with ETags. */
export function serveDocs(app: NestFastifyApplication, api: OpenAPIObject): void {
  const fastify = app.getHttpAdapter().getInstance();
  const json = new StaticDocument('application/json; charset=utf-8', () => JSON.stringify(api));
  const yaml = new StaticDocument('text/yaml; charset=utf-8', () => dump(api, { skipInvalid: true, noRefs: true }));
  fastify.get('/openapi.json', json.handle);
  fastify.get('/openapi.yaml', yaml.handle);
  SwaggerModule.setup('docs', app, api, { raw: false });
}
