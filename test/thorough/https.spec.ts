import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createSelfSignedCertificate } from '../../src/http/self-signed.js';
import { GoogleStandIn } from '../stand-ins/google.js';
import { startService, type TestService, unique } from '../support/service.js';

/** The origin of the redirect URIs registered for development. */
const ORIGIN = 'https://127.0.0.1:5000';
const FACEBOOK = { FACEBOOK_CLIENT_ID: '1', FACEBOOK_CLIENT_SECRET: 'x' };
const REDIRECT_URI = `${ORIGIN}/login/google/callback`;

interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Requests a URL of ORIGIN on the actual port, as `curl --connect-to` does. */
function get(port: number, url: URL, cookie = ''): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const path = url.pathname + url.search;
    const headers = { host: url.host, ...(cookie && { cookie }) };
    const sent = httpsRequest({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false }, (response) => {
      void text(response).then((body) => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

/** A proxy that terminates TLS, as App Engine's load balancer does. It keeps Host and sets X-Forwarded-For. */
async function startProxy(target: () => string): Promise<{ port: number; close: () => void }> {
  const server = createHttpsServer(await createSelfSignedCertificate('127.0.0.1'), (request, response) => {
    const forwarded = httpRequest(new URL(request.url!, target()), {
      method: request.method,
      headers: {
        ...request.headers,
        'x-forwarded-proto': 'https',
        'x-forwarded-for': request.socket.remoteAddress!,
      },
    });
    forwarded.on('response', (upstream) => {
      response.writeHead(upstream.statusCode!, upstream.headers);
      upstream.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('sign-in over https', () => {
  let google: GoogleStandIn;
  let service: TestService;

  beforeAll(async () => {
    google = await GoogleStandIn.start();
    google.register(REDIRECT_URI);
  });
  afterAll(() => google.close());
  afterEach(() => service.close());

  /** Signs in completely: to Google, back to the registered redirect URI, and to tokens. */
  async function signIn(port: number): Promise<void> {
    const user = await service.user();
    google.account = { sub: `subject-${unique()}`, email: user.email, email_verified: true };
    const start = await get(port, new URL('/login/google', ORIGIN));
    expect(start.status).toBe(302);
    const [cookie] = start.headers['set-cookie']!;
    expect(cookie).toMatch(/^__Host-login=[\w-]{22}; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    let url = new URL(start.headers.location!);
    expect(url.searchParams.get('redirect_uri')).toBe(REDIRECT_URI);
    let cookies = '';
    while (url.origin === google.url) {
      const response = await fetch(url, { redirect: 'manual', headers: { cookie: cookies } });
      for (const line of response.headers.getSetCookie()) cookies += `${line.split(';', 1)[0]!}; `;
      url = new URL(response.headers.get('location')!, url);
    }
    expect(url.origin + url.pathname).toBe(REDIRECT_URI);
    const { status, body } = await get(port, url, cookie!.split(';', 1)[0]);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ tokenType: 'Bearer' });
  }

  it('uses the redirect URIs that the README tells to register', async () => {
    service = await startService('SQLite', { env: { ...google.env, ...FACEBOOK, TLS: 'self-signed' }, signIn: false });
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    for (const provider of ['google', 'facebook']) {
      const { headers } = await get(Number(new URL(service.anonymous.url).port), new URL(`/login/${provider}`, ORIGIN));
      expect(readme).toContain(`\`${new URL(headers.location!).searchParams.get('redirect_uri')}\``);
    }
  });

  it('works behind a trusted proxy that terminates TLS', async () => {
    service = await startService('SQLite', { env: google.env });
    const proxy = await startProxy(() => service.anonymous.url);
    await signIn(proxy.port);
    proxy.close();
  });

  it('works behind an untrusted proxy with PUBLIC_URL', async () => {
    service = await startService('SQLite', { env: { ...google.env, PUBLIC_URL: ORIGIN, TRUSTED_PROXIES: '' } });
    const proxy = await startProxy(() => service.anonymous.url);
    await signIn(proxy.port);
    proxy.close();
  });

  it('ignores the headers of an untrusted proxy', async () => {
    service = await startService('SQLite', { env: { ...google.env, TRUSTED_PROXIES: '10.0.0.0/8' } });
    const proxy = await startProxy(() => service.anonymous.url);
    const { headers } = await get(proxy.port, new URL('/login/google', ORIGIN));
    expect(new URL(headers.location!).searchParams.get('redirect_uri')).toMatch(/^http:/);
    proxy.close();
  });

  it('works without a proxy, with a self-signed certificate', async () => {
    service = await startService('SQLite', { env: { ...google.env, TLS: 'self-signed' }, signIn: false });
    await signIn(Number(new URL(service.anonymous.url).port));
    const { status, headers } = await get(Number(new URL(service.anonymous.url).port), new URL('/livez', ORIGIN));
    expect(status).toBe(200);
    expect(headers['strict-transport-security']).toBeDefined();
  });
});
