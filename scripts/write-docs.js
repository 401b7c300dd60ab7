// Writes the reference of the API from openapi.json, as pages that open from disk or from any web server, with no
// network: node scripts/write-docs.js [directory]. The viewer is the one that the service has at /docs; it is in files of
// its own, so that what changes with the API is the page.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import viewer from 'swagger-ui-dist';

const [directory = 'docs'] = process.argv.slice(2);
const api = JSON.parse(readFileSync('openapi.json', 'utf8'));
// in a script the end of a script would end it
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
<noscript>The reference is shown by a script. The same, to read as it is: openapi.json.</noscript>
<div id="reference"></div>
<script src="swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({ dom_id: '#reference', deepLinking: true, supportedSubmitMethods: [], spec: ${definition} });
</script>
</body>
</html>
`,
);
