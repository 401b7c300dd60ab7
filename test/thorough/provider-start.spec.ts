import { DISCOVERY, GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import { onEveryDatabase } from '../support/databases.js';
import { createPkce, ProviderLogin, RETURN_TO } from '../support/provider-login.js';
import { startService, type TestService } from '../support/service.js';

const MINUTE_MS = 60_000;

onEveryDatabase((kind) => {
  let login: ProviderLogin;
  let service: TestService;
  let google: GoogleStandIn;
  let browser: Browser;

  beforeAll(async () => {
    login = await ProviderLogin.start(kind);
    ({ service, google } = login);
  });
  afterAll(() => login.close());
  beforeEach(() => {
    browser = new Browser(service.anonymous);
  });
  afterEach(() => login.reset());

  describe('the start of a sign-in', () => {
    it('redirects the browser to the provider, or returns the address to a script', async () => {
      const sent = await browser.get(new URL('/login/google', service.anonymous.url));
      expect(sent.status).toBe(302);
      const told = await login.getProviderUrl(browser);
      for (const uri of [new URL(sent.headers.get('location')!), told]) {
        expect(uri.origin).toBe(google.url);
        expect(Object.fromEntries(uri.searchParams)).toMatchObject({
          client_id: GoogleStandIn.clientId,
          redirect_uri: `${service.anonymous.url}/login/google/callback`,
          response_type: 'code',
          scope: 'openid email',
          code_challenge_method: 'S256',
          code_challenge: expect.stringMatching(/^[\w-]{43}$/),
          nonce: expect.stringMatching(/^[\w-]{22}$/),
        });
      }
    });

    describe.each([
      ['is not available', 'provider_unavailable'],
      ['is not configured', 'provider_not_configured'],
    ])('with a provider that %s', (what, code) => {
      let target: TestService;
      beforeAll(async () => {
        const env = { LOGIN_RETURN_URLS: RETURN_TO, GOOGLE_DISCOVERY_URL: 'http://127.0.0.1:9/none' };
        const credentials = { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret' };
        const isConfigured = what === 'is not available';
        target = await startService(kind, { beside: service, env: { ...env, ...(isConfigured && credentials) } });
      });
      afterAll(() => target.close());

      it('returns the browser to the frontend, and tells a script the problem', async () => {
        const path = `/login/google?returnTo=${encodeURIComponent(`${RETURN_TO}?page=2`)}`;
        const sent = await target.anonymous.get(path, { headers: { accept: 'text/html' } });
        expect([sent.status, sent.headers.get('location')]).toEqual([302, `${RETURN_TO}?page=2&error=${code}`]);
        const told = await target.anonymous.get(path, { headers: { accept: 'application/json' } });
        expect([told.status, told.body.code]).toEqual([503, code]);
      });

      it('is a problem without a frontend, and for an address that is not allowed', async () => {
        for (const query of [
          '',
          '?returnTo=https%3A%2F%2Fevil.example',
          `?returnTo=${RETURN_TO}&returnTo=${RETURN_TO}`,
        ]) {
          const answer = await target.anonymous.get(`/login/google${query}`);
          expect([query, answer.status >= 400, answer.headers.get('location')]).toEqual([query, true, null]);
        }
      });
    });

    it('uses a new state, nonce and challenge every time', async () => {
      const starts = await Promise.all(Array.from({ length: 5 }, () => login.getProviderUrl(browser)));
      for (const name of ['state', 'nonce', 'code_challenge'])
        expect(new Set(starts.map(({ searchParams }) => searchParams.get(name))).size).toBe(5);
    });

    it('reads the discovery document once an hour, and uses a cached one when that fails', async () => {
      await login.getProviderUrl(browser);
      const before = google.asked[DISCOVERY];
      await login.getProviderUrl(browser);
      expect(google.asked[DISCOVERY]).toBe(before);
      service.clock.forward(61 * MINUTE_MS);
      google.faults[DISCOVERY] = 'returns 500';
      await login.getProviderUrl(browser);
      expect(google.asked[DISCOVERY]).toBe(before! + 1);
    });

    it('sets a cookie that scripts cannot read and cross-site requests do not send', async () => {
      const { headers } = await service.anonymous.get('/login/google');
      const [cookie = '', ...others] = headers.getSetCookie();
      expect(others).toEqual([]);
      const [value, ...attributes] = cookie.split('; ');
      expect(value).toMatch(/^login=[\w-]{22}$/);
      expect(attributes.toSorted()).toEqual(['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax']);
    });

    it.each([
      '//evil.example.com',
      '/\\evil.example.com',
      '\\\\evil.example.com',
      'https:evil.example.com',
      'https://app.exam\u00adple.com/signed-in',
      'https://app.example.com/signed-in?q=\u202e',
      'https:/evil.example.com',
      'https://evil.example.com/signed-in',
      'https://app.example.com@evil.example.com/signed-in',
      'https://evil@app.example.com/signed-in',
      'https://app.example.com.evil.example.com/signed-in',
      'https://app.example.com/signed-in/../evil',
      'https://app.example.com/signed-in/evil',
      'https://app.example.com/signed-in#evil',
      'https://app.example.com:444/signed-in',
      'http://app.example.com/signed-in',
      'https://app.example.com\\@evil.example.com/signed-in',
      'https://app.example.com/signed-in\r\nSet-Cookie: evil=1',
      ' https://app.example.com/signed-in',
      'https://app.example.com/signed-in%0d%0a',
      'javascript:alert(1)//https://app.example.com/signed-in',
      'data:text/html,evil',
      '',
    ])('refuses the return address %j', async (returnTo) => {
      const { status, body, headers } = await service.anonymous.get(
        `/login/google?returnTo=${encodeURIComponent(returnTo)}`,
      );
      expect([status, body.code, body.errors?.[0].pointer]).toEqual([400, 'invalid_request', 'returnTo']);
      expect(headers.has('location')).toBe(false);
    });

    it.each([
      ['an invalid challenge', `returnTo=${RETURN_TO}&codeChallenge=plain`],
      ['a challenge without a return address', `codeChallenge=${createPkce().challenge}`],
      ['an unknown parameter', 'next=/'],
      ['a repeated parameter', `returnTo=${RETURN_TO}&returnTo=${RETURN_TO}`],
      ['a parameter of the callback', 'code=abc'],
    ])('refuses %s', async (_, query) => {
      const { status, body } = await service.anonymous.get(`/login/google?${query}`);
      expect([status, body.code]).toEqual([400, 'invalid_request']);
    });
  });
});
