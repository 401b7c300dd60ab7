import type { FacebookStandIn } from '../stand-ins/facebook.js';
import { DISCOVERY, GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import { onEveryDatabase } from '../support/databases.js';
import { createSubject, expectUnavailable, ProviderLogin } from '../support/provider-login.js';
import { startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let login: ProviderLogin;
  let service: TestService;
  let google: GoogleStandIn;
  let facebook: FacebookStandIn;
  let browser: Browser;

  beforeAll(async () => {
    login = await ProviderLogin.start(kind);
    ({ service, google, facebook } = login);
  });
  afterAll(() => login.close());
  beforeEach(() => {
    browser = new Browser(service.anonymous);
  });
  afterEach(() => login.reset());

  describe('a failing provider', () => {
    const faults = ['returns 500', 'sends 50 MB', 'redirects elsewhere', 'hangs up'] as const;
    const places: Array<['google' | 'facebook', string]> = [
      ['google', '/token'],
      ['facebook', '/oauth/access_token'],
      ['facebook', '/me'],
    ];
    const cases = places.flatMap(([provider, path]) => faults.map((fault) => [provider, path, fault] as const));

    it.each(cases)('returns 503 when %s at %s %s', async (provider, path, fault) => {
      const user = await service.user();
      login.setAccount(provider, createSubject(), user.email);
      const callback = await browser.walkToCallback(`/login/${provider}`);
      (provider === 'google' ? google : facebook).faults[path] = fault;
      expectUnavailable(await browser.walk(callback));
    });

    it.each(places.flatMap((place) => [[...place, 'sends rubbish'] as const, [...place, 'sends null'] as const]))(
      'refuses the sign-in when %s at %s %s',
      async (provider, path, fault) => {
        login.setAccount(provider, createSubject(), (await service.user()).email);
        const callback = await browser.walkToCallback(`/login/${provider}`);
        (provider === 'google' ? google : facebook).faults[path] = fault;
        const { status, body } = await browser.walk(callback);
        expect([status, body.code]).toEqual([401, 'provider_login_failed']);
      },
    );

    it('returns 503 when the discovery document cannot be read', async () => {
      const fresh = await GoogleStandIn.start();
      const beside = await startService(kind, { beside: service, env: fresh.env });
      for (const fault of ['returns 500', 'sends 50 MB', 'sends rubbish', 'sends null'] as const) {
        fresh.faults[DISCOVERY] = fault;
        const { status, body } = await beside.anonymous.get('/login/google');
        expect([fault, status, body.code]).toEqual([fault, 503, 'provider_unavailable']);
      }
      await Promise.all([beside.close(), fresh.close()]);
    });
  });
});
