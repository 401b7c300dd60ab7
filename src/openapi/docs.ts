import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { dump } from 'js-yaml';
import { StaticDocument } from './static-document.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const YAML_TYPE = 'text/yaml; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';
const CSS_TYPE = 'text/css; charset=utf-8';
const SCRIPT_TYPE = 'text/javascript; charset=utf-8';

const SVG_TYPE = 'image/svg+xml';

const LABELS: Record<string, string> = { google: 'Google', facebook: 'Facebook' };

/** Serves the OpenAPI as JSON, as YAML, and in Swagger UI with a sign-in form and buttons of the configured providers. */
export function serveDocs(fastify: FastifyInstance, api: OpenAPIObject, providers: string[]): void {
  const serve = (path: string, type: string, render: () => string | Promise<string | Buffer>): void => {
    fastify.get(path, new StaticDocument(type, render).handle);
  };
  serve('/openapi.json', JSON_TYPE, () => JSON.stringify(api));
  serve('/openapi.yaml', YAML_TYPE, () => dump(api, { skipInvalid: true, noRefs: true }));
  serve('/docs', HTML_TYPE, () => renderPage(api, providers, './docs/'));
  serve('/docs/', HTML_TYPE, () => renderPage(api, providers, './'));
  serve('/docs/docs.js', SCRIPT_TYPE, () => readViewer('docs.js'));
  serve('/docs/docs.css', CSS_TYPE, () => readViewer('docs.css'));
  serve('/docs/favicon.svg', SVG_TYPE, () => readViewer('favicon.svg'));
  serve('/docs/swagger-ui.css', CSS_TYPE, () => readSwaggerUi('swagger-ui.css'));
  serve('/docs/swagger-ui-bundle.js', SCRIPT_TYPE, () => readSwaggerUi('swagger-ui-bundle.js'));
}

const readSwaggerUi = (file: string): Promise<Buffer> =>
  readFile(createRequire(import.meta.url).resolve(`swagger-ui-dist/${file}`));

const readViewer = (file: string): Promise<Buffer> => readFile(new URL(`viewer/${file}`, import.meta.url));

/** Links are relative, so that the page also works behind a proxy that adds a prefix to the path. */
async function renderPage({ info }: OpenAPIObject, providers: string[], base: string): Promise<string> {
  const buttons = providers.map(
    (name) => `<button type="button" data-provider="${name}">With ${LABELS[name]}</button>`,
  );
  const values: Record<string, string> = {
    title: `${info.title} ${info.version}`,
    base,
    providers: buttons.join('\n'),
  };
  return (await readViewer('index.html'))
    .toString()
    .replace(/\{(title|base|providers)\}/g, (_, name: string) => values[name]!);
}
