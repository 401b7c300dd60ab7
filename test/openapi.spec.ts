import { readFileSync } from 'node:fs';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { accessTable } from '../src/openapi/access-table.js';
import { resolve } from '../src/openapi/components.js';
import { PROBLEMS } from '../src/problems/catalog.js';
import { newCustomer, startService, type TestService } from './support/service.js';

/** Read as text, so that jest shows a difference as a diff of the files. */
const committed = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

interface Operation {
  operationId: string;
  summary?: string;
  description?: string;
  tags: string[];
  parameters?: Array<{ name: string; in: string; description?: string; schema: object }>;
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; headers?: object; content?: Record<string, { schema?: object }> }>;
}

describe('The OpenAPI', () => {
  let service: TestService;
  let api: OpenAPIObject;
  let operations: Array<[string, Operation]>;

  beforeAll(async () => {
    service = await startService('SQLite');
    api = JSON.parse(await (await fetch(`${service.anonymous.url}/openapi.json`)).text()) as OpenAPIObject;
    operations = Object.entries(api.paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, Operation>).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );
  });
  afterAll(() => service.close());

  it('is committed as the code generates it; if not, run `npm run api`', () => {
    const text = (document: object): string => JSON.stringify(document, null, 2);
    expect(text(api)).toBe(text(JSON.parse(committed('openapi.json')) as object));
  });

  it('has at most 4,000 bytes for each operation', () => {
    expect(Buffer.byteLength(committed('openapi.json')) / operations.length).toBeLessThan(4_000);
  });

  it('is committed with the table of permissions by route', () => {
    expect(accessTable(api)).toBe(committed('docs/access.md'));
  });

  it('has the patterns of the validators', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'api', components: api.components });
    const isDocumented = ajv.compile({ $ref: 'api#/components/schemas/CreateCustomer' });
    const documented: Array<[email: string, phone: string]> = [
      ['jörg..x.@exämple.photography', '+44 (0)20 7946 0000'],
      [" O'Brien+crm@Example.ie ", '\u202a+34\u00a0600-123.456\u202c'],
    ];
    for (const [email, phone] of documented) {
      const customer = newCustomer({ email, phone });
      expect([email, isDocumented(customer)]).toEqual([email, true]);
      expect((await service.admin.post('/customers', customer)).status).toBe(201);
    }
    const undocumented = [
      ...['ana', 'ana@localhost', 'a b@example.com', 'ana@-example.com', '"ana"@example.com'].map((email) => ({
        email,
      })),
      ...['600123456', '0034600123456', '+34 6x', '+', '+34600123456;1'].map((phone) => ({ phone })),
    ];
    for (const values of undocumented) {
      expect([values, isDocumented(newCustomer(values))]).toEqual([values, false]);
      expect((await service.admin.post('/customers', newCustomer(values))).status).toBe(400);
    }
  });

  it('has version 3.1, and is served as JSON, YAML and Swagger UI', async () => {
    expect(api.openapi).toBe('3.1.0');
    const yaml = await fetch(`${service.anonymous.url}/openapi.yaml`);
    expect(await yaml.text()).toMatch(/^openapi: 3\.1\.0/m);
    for (const path of ['/docs', '/docs/']) {
      const page = await fetch(service.anonymous.url + path);
      expect([path, page.status, page.headers.get('content-type')]).toEqual([path, 200, 'text/html; charset=utf-8']);
      const links = [...(await page.text()).matchAll(/ (?:src|href)="(\.[^"]*)"/g)].map(([, link]) => link!);
      expect(links).toHaveLength(6);
      for (const link of links) expect([link, (await fetch(new URL(link, page.url))).status]).toEqual([link, 200]);
    }
    const script = await fetch(`${service.anonymous.url}/docs/swagger-ui-bundle.js`);
    expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(await script.text()).toContain('SwaggerUIBundle');
  });

  it.each(['/openapi.json', '/openapi.yaml', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css'])(
    'is sent compressed from memory, and only once to a client: %s',
    async (path) => {
      const get = (headers: Record<string, string>): Promise<Response> =>
        fetch(service.anonymous.url + path, { headers });
      const plain = await get({ 'Accept-Encoding': 'identity' });
      const text = await plain.text();
      expect(plain.headers.get('content-encoding')).toBeNull();
      const tags = new Set([plain.headers.get('etag')]);
      for (const [accepted, encoding] of [
        ['gzip', 'gzip'],
        ['gzip, br', 'br'],
        ['gzip, br;q=0', 'gzip'],
      ]) {
        const compressed = await get({ 'Accept-Encoding': accepted! });
        expect([accepted, compressed.headers.get('content-encoding')]).toEqual([accepted, encoding]);
        expect(Number(compressed.headers.get('content-length'))).toBeLessThan(text.length / 2);
        expect(compressed.headers.get('vary')).toMatch(/accept-encoding/i);
        // `fetch` has decompressed it
        expect(await compressed.text()).toBe(text);
        const etag = compressed.headers.get('etag')!;
        const again = await get({ 'Accept-Encoding': accepted!, 'If-None-Match': `"other", W/${etag}` });
        expect([again.status, await again.text()]).toEqual([304, '']);
        tags.add(etag);
      }
      expect(tags.size).toBe(3);
    },
  );

  it('has the same headers for HEAD as for GET', async () => {
    for (const encoding of ['identity', 'gzip', 'br']) {
      const [get, head] = await Promise.all(
        ['GET', 'HEAD'].map((method) =>
          fetch(`${service.anonymous.url}/docs/swagger-ui.css`, { method, headers: { 'Accept-Encoding': encoding } }),
        ),
      );
      expect(await head!.text()).toBe('');
      for (const name of ['content-type', 'content-length', 'content-encoding', 'etag', 'vary', 'cache-control'])
        expect([encoding, name, head!.headers.get(name)]).toEqual([encoding, name, get!.headers.get(name)]);
    }
  });

  it('describes every operation, parameter and body', () => {
    const description = expect.stringMatching(/^[A-Z`].*\.$/s);
    for (const [name, { summary, description: text, parameters = [], requestBody, responses }] of operations) {
      expect([name, summary, text]).toEqual([name, expect.stringMatching(/^[A-Z][\w -]+$/), description]);
      for (const parameter of parameters)
        expect([name, resolve(api, parameter)]).toEqual([
          name,
          expect.objectContaining({ schema: expect.any(Object), description }),
        ]);
      if (requestBody)
        expect([name, Object.keys(requestBody.content)[0]]).toEqual([
          name,
          name.endsWith('/photo') ? 'multipart/form-data' : name.endsWith('/import') ? 'text/csv' : 'application/json',
        ]);
      expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(['400', '500', '503'])]);
    }
  });

  it('describes every schema and member', () => {
    for (const [name, schema] of Object.entries(api.components!.schemas!)) {
      const { description, properties = {} } = schema as { description?: string; properties?: object };
      expect([name, description]).toEqual([name, expect.stringMatching(/\w/)]);
      for (const [member, found] of Object.entries(properties))
        expect([name, member, found.description]).toEqual([name, member, expect.stringMatching(/\w/)]);
    }
  });

  it('has an example of every request and response in JSON, which its schema allows', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'api', components: api.components });
    for (const [name, { requestBody, responses }] of operations)
      for (const { content = {} } of [requestBody ?? {}, ...Object.values(responses).map((one) => resolve(api, one))])
        for (const [type, media] of Object.entries(content)) {
          if (!/json$/.test(type)) continue;
          const { schema, examples, example } = media as { schema: object; examples?: object; example?: unknown };
          const values = Object.values(examples ?? {}).map((one) => resolve<{ value: unknown }>(api, one).value);
          const isAllowed = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object);
          expect([name, values.length > 0 || example !== undefined]).toEqual([name, true]);
          for (const value of example === undefined ? values : [example])
            expect([name, value, isAllowed(value), isAllowed.errors]).toEqual([name, value, true, null]);
        }
  });

  it('gives every operation a method name for clients, and a tag that is described', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+([A-Z][a-z]+)+$/);
    for (const [name, { tags }] of operations)
      for (const tag of tags)
        expect([name, api.tags]).toEqual([
          name,
          expect.arrayContaining([{ name: tag, description: expect.stringMatching(/\w/) }]),
        ]);
  });

  it('narrows the code of every problem to those that the operation has', () => {
    for (const response of Object.values(api.components!.responses!)) {
      const { description, content } = response as Operation['responses'][string];
      const { schema } = content?.['application/problem+json'] ?? {};
      // the responses of successful operations are shared too
      if (!schema) continue;
      const { code } = (schema as { allOf: any[] }).allOf[1].properties;
      const codes: string[] = code.enum ?? [code.const];
      for (const code of codes) {
        expect(Object.keys(PROBLEMS)).toContain(code);
        expect(description).toContain(`\`${code}\`: `);
        expect(api.components!.examples![code]).toMatchObject({ value: { code } });
      }
    }
  });

  it('documents a schema for every response with a body', () => {
    for (const [name, { responses }] of operations)
      for (const [status, found] of Object.entries(responses)) {
        const at = `${name} ${status}`;
        const response = resolve(api, found);
        if (['204', '302', '304'].includes(status)) expect([at, response.content]).toEqual([at, undefined]);
        else
          expect([at, Object.values(response.content ?? {}).map(({ schema }) => typeof schema)]).toEqual([
            at,
            Object.keys(response.content ?? { missing: true }).map(() => 'object'),
          ]);
      }
  });

  it('documents the access level of every route', () => {
    for (const [name, operation] of operations)
      expect([name, (operation as unknown as Record<string, string>)['x-access']]).toEqual([
        name,
        expect.stringMatching(/^(public|user|admin)$/),
      ]);
  });

  it('is not served with DOCS=off', async () => {
    const quiet = await startService('SQLite', { env: { DOCS: 'off' } });
    for (const path of ['/docs', '/docs/swagger-ui.css', '/openapi.json', '/openapi.yaml'])
      expect((await fetch(`${quiet.anonymous.url}${path}`)).status).toBe(404);
    await quiet.close();
  });

  it('serves the documentation of a problem at its type URL', async () => {
    const { body } = await service.anonymous.get('/customers');
    const documentation = await service.anonymous.get(new URL(body.type as string).pathname);
    const { status, title, description } = PROBLEMS.unauthenticated;
    expect(documentation.body).toMatchObject({ code: 'unauthenticated', status, title, description });
    expect((await service.anonymous.get('/problems/constructor')).status).toBe(404);
  });
});
