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

/** Serves the OpenAPI as JSON, as YAML, and in Swagger UI. */
export function serveDocs(fastify: FastifyInstance, api: OpenAPIObject): void {
  const serve = (path: string, type: string, render: () => string | Promise<Buffer>): void => {
    fastify.get(path, new StaticDocument(type, render).handle);
  };
  serve('/openapi.json', JSON_TYPE, () => JSON.stringify(api));
  serve('/openapi.yaml', YAML_TYPE, () => dump(api, { skipInvalid: true, noRefs: true }));
  serve('/docs', HTML_TYPE, () => pageOf(api, './docs/'));
  serve('/docs/', HTML_TYPE, () => pageOf(api, './'));
  serve('/docs/start.js', SCRIPT_TYPE, () => START);
  serve('/docs/swagger-ui.css', CSS_TYPE, () => readViewer('swagger-ui.css'));
  serve('/docs/swagger-ui-bundle.js', SCRIPT_TYPE, () => readViewer('swagger-ui-bundle.js'));
}

const readViewer = (file: string): Promise<Buffer> =>
  readFile(createRequire(import.meta.url).resolve(`swagger-ui-dist/${file}`));

/** Links are relative, so that the page also works behind a proxy that adds a prefix to the path. */
const pageOf = ({ info }: OpenAPIObject, base: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} ${info.version}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript. The same document without it: <a href="${base}../openapi.json">openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
<script src="${base}swagger-ui-bundle.js"></script>
<script src="${base}start.js"></script>
</body>
</html>
`;

/**
 * A file of its own, as the policy of the page allows no inline script. The page sends its requests to the host that it
 * comes from, not to the example server of the document. `validatorUrl` would send the document elsewhere.
 */
const START = `const url = new URL('../openapi.json', document.currentScript.src).href;
fetch(url)
  .then((response) => response.json())
  .then((document) =>
    SwaggerUIBundle({
      dom_id: '#swagger-ui',
      deepLinking: true,
      spec: { ...document, servers: [{ url: new URL('.', url).href.replace(/\\/$/, '') }] },
      validatorUrl: null,
    }),
  );
`;
