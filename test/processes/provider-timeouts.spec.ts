import { jest } from '@jest/globals';
import type { FacebookStandIn } from '../stand-ins/facebook.js';
import { DISCOVERY, GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import type { Answer } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { createSubject, expectUnavailable, ProviderLogin } from '../support/provider-login.js';
import { startService, type TestService } from '../support/service.js';

// A busy machine only adds to the time: one of three attempts has to be within the bound.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

const MINUTE_MS = 60_000;

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

  /** The contract's bound: the client has its response within 3 s. */
  async function expectUnavailableSoon(response: Promise<Answer>): Promise<void> {
    const started = performance.now();
    expectUnavailable(await response);
    expect(performance.now() - started).toBeLessThan(3_000);
  }

  describe('a slow provider', () => {
    it('returns 503 within 3 s when any of its endpoints hangs', async () => {
      const fresh = await GoogleStandIn.start();
      const beside = await startService(kind, { beside: service, env: fresh.env });
      fresh.register(`${beside.anonymous.url}/login/google/callback`);
      login.setAccount('google', createSubject());
      login.setAccount('facebook', createSubject());
      const browsers = [browser, new Browser(service.anonymous)];
      const callbacks = [
        await browsers[0]!.walkToCallback('/login/google'),
        await browsers[1]!.walkToCallback('/login/facebook'),
      ];
      google.faults['/token'] = facebook.faults['/me'] = fresh.faults[DISCOVERY] = 'hangs';
      await Promise.all([
        ...callbacks.map((callback, tab) => expectUnavailableSoon(browsers[tab]!.walk(callback))),
        expectUnavailableSoon(beside.anonymous.get('/login/google')),
      ]);
      fresh.faults = {};
      fresh.account = { sub: createSubject() };
      const other = new Browser(beside.anonymous);
      const callback = await other.walkToCallback('/login/google');
      // The limit covers all requests of the sign-in together.
      Object.assign(fresh.faults, { '/token': 'is slow', '/jwks': 'hangs' });
      await expectUnavailableSoon(other.walk(callback));
      await Promise.all([beside.close(), fresh.close()]);
    });

    it('refreshes the discovery document in time for the rest of the sign-in, and retries at most once a minute', async () => {
      login.setAccount('google', createSubject(), (await service.user()).email);
      service.clock.forward(180 * MINUTE_MS);
      await login.getProviderUrl(browser);
      service.clock.forward(55 * MINUTE_MS);
      const callback = await browser.walkToCallback('/login/google');
      service.clock.forward(6 * MINUTE_MS);
      const now = Math.floor(service.clock.now().getTime() / 1000);
      google.forge = (claims, sign) => sign({ ...claims, iat: now, exp: now + 600 });
      google.faults[DISCOVERY] = 'hangs';
      const before = google.asked[DISCOVERY]!;
      expect((await browser.walk(callback)).status).toBe(200);
      expect((await browser.walk('/login/google')).status).toBe(200);
      expect(google.asked[DISCOVERY]).toBe(before + 1);
      google.faults = {};
      service.clock.forward(MINUTE_MS);
      await login.getProviderUrl(browser);
      expect(google.asked[DISCOVERY]).toBe(before + 2);
    });
  });
});
