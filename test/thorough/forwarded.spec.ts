import { request } from 'node:http';
import { GoogleStandIn } from '../stand-ins/google.js';
import { ADMIN, startService, type TestService } from '../support/service.js';

type Headers = Record<string, string>;

/** Behind a trusted proxy on loopback; the headers that matter do not depend on the database. */
describe('forwarded headers', () => {
  let service: TestService;
  let direct: TestService;
  let google: GoogleStandIn;
  beforeAll(async () => {
    google = await GoogleStandIn.start();
    const env = { TRUSTED_PROXIES: 'loopback,10.0.0.0/8', ...google.env };
    service = await startService('SQLite', { env });
    direct = await startService('SQLite', { env: { TRUSTED_PROXIES: '10.0.0.1' } });
  });
  afterAll(() => Promise.all([service.close(), direct.close(), google.close()]));

  /** Unlike `fetch`, sends a Host header. */
  async function originOf(headers: Headers, { anonymous }: TestService = service): Promise<string> {
    const answer = await new Promise<string>((resolve, reject) => {
      request(`${anonymous.url}/me`, { headers }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk))).on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
    return (JSON.parse(answer) as { type: string }).type.replace('/problems/unauthenticated', '');
  }

  const host = 'crm.example.com';
  it.each<[Headers, string]>([
    [{ 'x-forwarded-proto': 'https', host }, 'https://crm.example.com'],
    [{ 'x-forwarded-proto': 'HTTPS', host }, 'https://crm.example.com'],
    [{ 'x-forwarded-proto': 'HTTPS, http', host }, 'https://crm.example.com'],
    [{ 'x-forwarded-proto': 'https,http , http', host }, 'https://crm.example.com'],
    [{ 'x-forwarded-proto': 'http, https', host }, 'http://crm.example.com'],
    [{ 'x-forwarded-proto': ' , https', host }, 'https://crm.example.com'],
    [{ 'x-forwarded-proto': '', host }, 'http://crm.example.com'],
    [{ 'x-forwarded-proto': 'wss', host }, 'the socket'],
    [{ host: 'CRM.Example.COM' }, 'http://crm.example.com'],
    [{ host: 'crm.example.com:80' }, 'http://crm.example.com'],
    [{ host: 'crm.example.com:443' }, 'http://crm.example.com:443'],
    [{ host: 'crm.example.com:443', 'x-forwarded-proto': 'https' }, 'https://crm.example.com'],
    [{ host: 'crm.example.com:80', 'x-forwarded-proto': 'https' }, 'https://crm.example.com:80'],
    [{ host: '[::1]:443', 'x-forwarded-proto': 'https' }, 'https://[::1]'],
    [{ 'x-forwarded-host': 'crm.example.com:443', 'x-forwarded-proto': 'https' }, 'https://crm.example.com'],
    [{ 'x-forwarded-host': 'crm.example.com:8443', 'x-forwarded-proto': 'https' }, 'https://crm.example.com:8443'],
    [{ 'x-forwarded-host': 'crm.example.com:99999' }, 'the socket'],
    [{ 'x-forwarded-host': 'evil.example/x' }, 'the socket'],
    // one proxy is trusted, so only the last host is
    [{ 'x-forwarded-host': 'evil.example, crm.example.com' }, 'http://crm.example.com'],
    [
      {
        'x-forwarded-host': 'evil.example, crm.example.com, inner:8080',
        'x-forwarded-for': '203.0.113.7, 10.0.0.1:1234',
      },
      'http://crm.example.com',
    ],
    [{ forwarded: 'for=1.2.3.4;proto=https;host=evil.example', host }, 'http://crm.example.com'],
  ])('%j give the origin %s', async (headers, origin) => {
    // the address that the request came to, as `type` is a URL even if the headers give none
    expect(await originOf(headers)).toBe(origin === 'the socket' ? service.anonymous.url : origin);
  });

  it('are ignored unless they come from a trusted proxy', async () => {
    const headers = { host, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
    expect(await originOf(headers, direct)).toBe('http://crm.example.com');
    expect(await clientAddress('203.0.113.7', direct)).toBe('127.0.0.1');
  });

  async function clientAddress(forwardedFor: string, { anonymous }: TestService = service): Promise<string> {
    const headers = { 'x-forwarded-for': forwardedFor, forwarded: 'for=198.51.100.1' };
    const { status, body } = await anonymous.post('/login', ADMIN, { headers });
    expect(status).toBe(200);
    const sessions = await anonymous.as(body.accessToken).get('/me/sessions');
    return sessions.body.data.find(({ current }: { current: boolean }) => current).ipAddress;
  }

  it.each([
    ['203.0.113.7:5678', '203.0.113.7'],
    ['[2001:db8::7]:5678', '2001:db8::7'],
    ['"[2001:db8::7]"', '2001:db8::7'],
    ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
    // a trusted proxy with a port is still one
    ['198.51.100.1, 203.0.113.7:99, 10.0.0.1:1234, [::1]:80', '203.0.113.7'],
    ['10.0.0.9:1', '10.0.0.9'],
    // nothing is known about the client
    ['unknown', '127.0.0.1'],
    ['for=203.0.113.7', '127.0.0.1'],
    ['203.0.113.7, unknown, 10.0.0.1', '10.0.0.1'],
  ])('X-Forwarded-For: %s gives the address %s', async (header, address) => {
    expect(await clientAddress(header)).toBe(address);
  });

  it('decide on links, redirects and the Secure attribute of the cookie', async () => {
    const headers = { 'x-forwarded-proto': 'HTTPS, http', 'x-forwarded-host': 'CRM.example.com:443' };
    const created = await service.admin.post(
      '/customers',
      { email: 'ana@example.com', name: 'Ana', surname: 'Cruz' },
      { headers },
    );
    expect(created.headers.get('location')).toMatch(/^(https:\/\/crm\.example\.com)?\/customers\/1$/);
    const missing = await service.admin.get('/customers/2', { headers });
    expect(missing.body.type).toBe('https://crm.example.com/problems/customer_not_found');
    const start = await service.anonymous.get('/login/google', { headers });
    const redirectUri = new URL(start.headers.get('location')!).searchParams.get('redirect_uri');
    expect(redirectUri).toBe('https://crm.example.com/login/google/callback');
    expect(start.headers.get('set-cookie')).toMatch(/^__Host-login=.*; Secure/);
    const plain = await service.anonymous.get('/login/google', { headers: { 'x-forwarded-proto': 'http' } });
    expect(plain.headers.get('set-cookie')).toMatch(/^login=(?!.*Secure)/);
  });
});
