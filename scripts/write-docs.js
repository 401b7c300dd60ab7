// Writes the API reference from openapi.json as static pages: node scripts/write-docs.js [directory]. They need neither a
// web server nor a network. The viewer is the one that the service uses at /docs.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import viewer from 'swagger-ui-dist';

const [directory = 'docs'] = process.argv.slice(2);
const api = JSON.parse(readFileSync('openapi.json', 'utf8'));
// `</script>` in a description would end the script element
const definition = JSON.stringify(api, null, 2).replaceAll('</', '<\\/');

mkdirSync(directory, { recursive: true });
for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css'])
  copyFileSync(join(viewer.getAbsoluteFSPath(), file), join(directory, file));
writeFileSync(
  join(directory, 'index.html'),
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${api.info.title} ${api.info.version}</title>
<link rel="stylesheet" href="swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript. The same document without it: openapi.json.</noscript>
<div id="reference"></div>
<script src="swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({ dom_id: '#reference', deepLinking: true, supportedSubmitMethods: [], spec: ${definition} });
</script>
</body>
</html>
`,
);
