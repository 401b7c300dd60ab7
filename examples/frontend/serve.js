// Serves the example on http://localhost:8081: node examples/frontend/serve.js
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css' };
const fileOf = (name) =>
  fileURLToPath(new URL(name === 'crm-client.js' ? '../../client/dist/index.js' : name, import.meta.url));

const server = createServer((request, response) => {
  const [name] = request.url.slice(1).split('?');
  const file = name || 'index.html';
  const type = TYPES[file.split('.').at(-1)];
  if (!/^[\w-]+\.\w+$/.test(file) || !type || !existsSync(fileOf(file))) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` });
  createReadStream(fileOf(file)).pipe(response);
});
server.listen(8081, 'localhost', () => console.log('http://localhost:8081'));
