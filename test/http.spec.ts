import { setTimeout as sleep } from 'node:timers/promises';
import { LoadShedding } from '../src/http/load-shedding.js';
import { KIB, padded } from './support/bodies.js';
import type { Answer, Client, RequestOptions } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { INTERNALS } from './support/refusals.js';
import { expectSecurityHeaders } from './support/security-headers.js';
import { ADMIN, startService, type TestService } from './support/service.js';
import { drip, open, portOf, raw, rawRequest } from './support/sockets.js';

onEveryDatabase((kind) => {
  let service: TestService;
  let client: Client;

  beforeAll(async () => {
    service = await startService(kind);
    client = await service.user();
  });
  afterAll(() => service.close());

  const port = (): number => portOf(client);

  describe('HTTP', () => {
    const body = '{"email":"a@example.com","password":"x"}';
    const smuggled = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

    it.each<[what: string, request: string]>([
      [
        'two Content-Lengths',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${smuggled}`,
      ],
      [
        'the same Content-Length twice',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n12345`,
      ],
      ['a list of Content-Lengths', `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n12345`],
      [
        'Content-Length and Transfer-Encoding',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      ],
      [
        'Transfer-Encoding and Content-Length',
        `POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n28\r\n${body}\r\n0\r\n\r\n`,
      ],
      [
        'an unknown Transfer-Encoding',
        `POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n${smuggled}`,
      ],
      [
        'a Transfer-Encoding with a space before its colon',
        `POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
      ],
      ['a negative Content-Length', `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`],
      ['a Content-Length in hexadecimal', `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n`],
      ['bare line feeds', 'GET /livez HTTP/1.1\nHost: x\n\n'],
      ['a bare line feed after a header', 'GET /livez HTTP/1.1\r\nHost: x\nX-Evil: 1\r\n\r\n'],
      ['a bare carriage return in a header', 'GET /livez HTTP/1.1\r\nHost: x\rX-Evil: 1\r\n\r\n'],
      ['a NUL in a header', 'GET /livez HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n'],
      ['a folded header', 'GET /livez HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n'],
      ['a space before the colon of a header', 'GET /livez HTTP/1.1\r\nHost : x\r\n\r\n'],
      ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
      [
        'a chunk size that is not a number',
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
      ],
      ['bytes that are not HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
      ['an unknown method', 'NONSENSE /livez HTTP/1.1\r\nHost: x\r\n\r\n'],
    ])('refuses %s, and does not parse the rest', async (_, request) => {
      const answer = await raw(port(), request);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
      expect(answer).not.toContain('"ok"');
      expect(answer).not.toMatch(INTERNALS);
    });

    it('refuses headers of more than 16 KiB', async () => {
      const answer = await rawRequest(port(), ['GET /livez HTTP/1.1', 'Host: x', `X-A: ${'a'.repeat(17 * KIB)}`]);
      expect(answer).toMatch(/^HTTP\/1\.1 431 /);
      expect(answer).not.toMatch(INTERNALS);
    });

    it.each([
      ['malformed HTTP', ['GET /livez HTTP/1.1', 'Host : x'], 400, 'malformed_request'],
      [
        'headers that are too large',
        ['GET /livez HTTP/1.1', 'Host: x', `X-A: ${'a'.repeat(17 * KIB)}`],
        431,
        'headers_too_large',
      ],
    ] as const)('responds to %s with a problem document', async (_, lines, status, code) => {
      const answer = await rawRequest(port(), [...lines]);
      const [head = '', text = ''] = answer.split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(head).toMatch(/^content-type: application\/problem\+json/im);
      const problem = JSON.parse(text);
      expect(problem).toMatchObject({ status, code, requestId: expect.any(String) });
      expect(head).toMatch(new RegExp(`^x-request-id: ${problem.requestId}\\r?$`, 'im'));
    });

    it('accepts a chunked body, and refuses it beyond the limit', async () => {
      const headers = [
        'POST /login HTTP/1.1',
        'Host: x',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
        'Connection: close',
      ];
      const small = await rawRequest(port(), headers, `28\r\n${body}\r\n0\r\n\r\n`);
      expect(small).toMatch(/^HTTP\/1\.1 401 /);
      const chunk = `2000\r\n${' '.repeat(0x2000)}\r\n`;
      const large = await rawRequest(port(), headers, `${chunk}28\r\n${body}\r\n0\r\n\r\n`);
      expect(large).toMatch(/^HTTP\/1\.1 413 /);
    });

    it.each(['/login', 'http://x/login', '/%6cogin'])(
      'forbids to store tokens by the route, however the URL is written: %s',
      async (target) => {
        const login = JSON.stringify(ADMIN);
        const lines = [`POST ${target} HTTP/1.1`, 'Host: x', 'Content-Type: application/json', 'Connection: close'];
        const answer = await rawRequest(port(), [...lines, `Content-Length: ${login.length}`], login);
        expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*^cache-control: no-store\r$/im);
      },
    );

    it.each([
      ['/docs', 200, "'self'"],
      ['http://x/docs', 200, "'self'"],
      ['/%64ocs', 200, "'self'"],
      ['/docs/swagger-ui.css', 200, "'self'"],
      ['/docs/none', 404, "'none'"],
      ['//x/../docs', 404, "'none'"],
    ])('sends the policy of Swagger UI by the route: %s', async (target, status, source) => {
      const answer = await rawRequest(port(), [`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close']);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toMatch(new RegExp(`^content-security-policy: default-src ${source};`, 'im'));
    });

    it('limits the time for slow headers, slow bodies and silent sockets', async () => {
      const server = service.app.getHttpServer() as unknown as Record<string, number>;
      const { headersTimeout, requestTimeout, keepAliveTimeout } = server;
      expect({ headersTimeout, requestTimeout }).toEqual({ headersTimeout: 10_000, requestTimeout: 30_000 });
      // longer than the load balancer keeps idle connections
      expect(keepAliveTimeout).toBeGreaterThan(600_000);
      // the same check with shorter limits
      Object.assign(server, { headersTimeout: 100, requestTimeout: 200 });
      try {
        const slow = [
          '',
          'GET /livez HTTP/1.1\r\nHost: x\r\nX-',
          `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{`,
        ];
        const answers = await Promise.all([...slow.map((part) => raw(port(), part)), drip(port(), slow.at(-1)!)]);
        for (const answer of answers) {
          expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
          expect(answer).not.toMatch(INTERNALS);
        }
      } finally {
        Object.assign(server, { headersTimeout, requestTimeout });
      }
      expect((await client.get('/livez')).status).toBe(200);
    });

    it('does not count 500 slow headers and bodies as load', async () => {
      const parts = [
        '',
        'GET /livez HTTP/1.1\r\nX-',
        'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{',
      ];
      const sockets = await Promise.all(Array.from({ length: 500 }, (_, n) => open(port(), parts[n % 3]!)));
      try {
        // longer than load shedding tolerates as a burst
        await sleep(1_200);
        for (let n = 0; n < 10; n++) expect((await client.get('/customers')).status).toBe(200);
        expect(service.app.get(LoadShedding).isShedding).toBe(false);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });

    it('keeps serving after a client disconnects in the middle of its body', async () => {
      const socket = await open(
        port(),
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"email":`,
      );
      socket.destroy();
      expect((await client.get('/livez')).status).toBe(200);
    });

    it.each<[what: string, status: number, method: string, path: string, options?: RequestOptions]>([
      ['200', 200, 'GET', '/livez'],
      ['200 for one resource', 200, 'GET', '/me'],
      ['400', 400, 'GET', '/customers/0'],
      ['400 for a malformed URL', 400, 'GET', '/customers/%zz'],
      ['400 for a malformed body', 400, 'POST', '/customers', { body: '{' }],
      ['401', 401, 'GET', '/me', { headers: { authorization: 'Bearer x' } }],
      ['403', 403, 'GET', '/users'],
      ['404', 404, 'GET', '/nothing'],
      ['404 for a resource', 404, 'GET', '/customers/2147483647'],
      ['413', 413, 'POST', '/customers', { body: padded({}, 64 * KIB + 1) }],
      ['414', 414, 'GET', `/customers/${'1'.repeat(101)}`],
      ['415', 415, 'POST', '/customers', { body: '{}', headers: { 'content-type': 'text/plain' } }],
    ])('sends security headers with %s', async (_, status, method, path, options = {}) => {
      const answer = await client.request(method, path, options);
      expect(answer.status).toBe(status);
      expectSecurityHeaders(answer);
    });

    it('forbids shared caches to store personal data', async () => {
      for (const path of ['/me', '/customers', '/customers/0', '/nothing'])
        expect((await client.get(path)).headers.get('cache-control')).toMatch(/no-store|private/);
      const { headers } = await service.anonymous.post('/login', { email: 'x@example.com', password: 'x' });
      expect(headers.get('cache-control')).toContain('no-store');
    });

    it('ignores a Host header that is not a host', async () => {
      const answer = await rawRequest(port(), ['GET /nothing HTTP/1.1', 'Host: evil"<script>', 'Connection: close']);
      expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(answer).not.toContain('<script>');
    });
  });

  describe('CORS', () => {
    const allowed = ['https://good.example.com', 'http://localhost:3000'];
    let open: TestService;
    beforeAll(async () => {
      open = await startService(kind, { beside: service, env: { CORS_ORIGINS: allowed.join(',') } });
    });
    afterAll(() => open.close());

    const preflight = (on: TestService, origin: string): Promise<Answer> =>
      on.anonymous.request('OPTIONS', '/customers/1', {
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization',
        },
      });

    it('allows the configured origins every method and header of the API', async () => {
      for (const origin of allowed) {
        const { status, headers } = await preflight(open, origin);
        expect(status).toBe(204);
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('access-control-allow-methods')).toMatch(/PATCH/);
        expect(headers.get('access-control-allow-headers')).toMatch(/authorization/);
        expect(headers.get('vary')).toMatch(/origin/i);
      }
    });

    it('lets allowed origins read errors and response headers', async () => {
      for (const path of ['/livez', '/customers', '/nothing', '/customers/%zz']) {
        const { headers } = await open.anonymous.get(path, { headers: { origin: allowed[0]! } });
        expect([path, headers.get('access-control-allow-origin')]).toEqual([path, allowed[0]]);
        for (const name of ['ETag', 'Link', 'Location', 'X-Request-Id', 'Idempotency-Replayed', 'Retry-After'])
          expect(headers.get('access-control-expose-headers')).toContain(name);
      }
    });

    it.each([
      'null',
      '*',
      'https://good.evil',
      'https://good.example.com.evil',
      'https://evil-good.example.com',
      'https://sub.good.example.com',
      'https://goodXexample.com',
      'http://good.example.com',
      'https://good.example.com:8443',
      'https://good.example.com/',
      'https://GOOD.example.com',
      'http://localhost:3001',
      'http://localhost',
      'https://good.example.com https://evil.example',
      'https://good.example.com,https://evil.example',
      'file://',
    ])('sends no CORS headers to the origin %s', async (origin) => {
      const answers = [
        await preflight(open, origin),
        await open.anonymous.get('/livez', { headers: { origin } }),
        await open.anonymous.post('/login', {}, { headers: { origin } }),
      ];
      for (const { status, headers } of answers) {
        expect(status).toBeLessThan(500);
        expect(headers.has('access-control-allow-origin')).toBe(false);
        expect(headers.has('access-control-allow-credentials')).toBe(false);
      }
    });

    it('sends no CORS headers by default', async () => {
      const answers = [
        await preflight(service, allowed[0]!),
        await client.get('/livez', { headers: { origin: allowed[0]! } }),
      ];
      for (const { headers } of answers) expect(headers.has('access-control-allow-origin')).toBe(false);
    });
  });

  it('ignores invalid forwarded headers, even from a trusted proxy', async () => {
    const proxied = await startService(kind, {
      env: { TRUSTED_PROXIES: 'loopback', CORS_ORIGINS: 'https://app.example.com' },
    });
    const { url } = proxied.anonymous;
    const answer = await fetch(`${url}/me`, {
      headers: { 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'evil.example' },
    });
    expect(((await answer.json()) as { type: string }).type).toBe(`${url}/problems/unauthenticated`);
    const secure = await fetch(`${url}/me`, {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'crm.example.com' },
    });
    expect(((await secure.json()) as { type: string }).type).toBe('https://crm.example.com/problems/unauthenticated');
    for (const address of ['x'.repeat(300), `fe80::1%${'x'.repeat(300)}`]) {
      const login = await proxied.anonymous.post('/login', ADMIN, { headers: { 'x-forwarded-for': address } });
      expect(login.status).toBe(200);
      const { body } = await proxied.anonymous.as(login.body.accessToken).get('/me/sessions');
      expect(['127.0.0.1', 'fe80::1']).toContain(body.data[0].ipAddress);
    }
    const options = await fetch(`${url}/customers`, { method: 'OPTIONS' });
    expect([options.status, await options.text()]).toEqual([204, '']);
    await proxied.close();
  });
});
