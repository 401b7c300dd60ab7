import { Browser } from '../support/browser.js';
import { onEveryDatabase } from '../support/databases.js';
import { ProviderLogin } from '../support/provider-login.js';
import { startService, type TestService } from '../support/service.js';

const MINUTE_MS = 60_000;

onEveryDatabase((kind) => {
  let login: ProviderLogin;
  let service: TestService;
  let browser: Browser;

  beforeAll(async () => {
    login = await ProviderLogin.start(kind);
    ({ service } = login);
  });
  afterAll(() => login.close());
  beforeEach(() => {
    browser = new Browser(service.anonymous);
  });
  afterEach(() => login.reset());

  describe('the callback', () => {
    let user: Awaited<ReturnType<TestService['user']>>;
    beforeAll(async () => {
      user = await login.createLinkedUser('google');
    });
    beforeEach(() => {
      login.setAccount('google', (user as unknown as { sub: string }).sub, user.email);
    });

    const expectInvalid = async (response: Promise<{ status: number; body: { code: string } }>) => {
      const { status, body } = await response;
      expect([status, body.code]).toEqual([400, 'invalid_login_state']);
    };

    it('refuses a missing, forged or incomplete state', async () => {
      const path = await browser.walkToCallback('/login/google');
      const url = new URL(path, service.anonymous.url);
      for (const state of [undefined, '', 'x', `${url.searchParams.get('state')}x`, 'A'.repeat(400)]) {
        const forged = new URL(url);
        if (state === undefined) forged.searchParams.delete('state');
        else forged.searchParams.set('state', state);
        await expectInvalid(browser.walk(forged.pathname + forged.search));
      }
      await expectInvalid(browser.walk('/login/google/callback'));
      await expectInvalid(browser.walk(`/login/google/callback?state=${url.searchParams.get('state')}`));
      expect((await browser.walk(path)).status).toBe(200);
    });

    it('refuses the state of another browser, even with a cookie of its own', async () => {
      const path = await browser.walkToCallback('/login/google');
      await expectInvalid(new Browser(service.anonymous).walk(path));
      const other = new Browser(service.anonymous);
      await other.walkToCallback('/login/google');
      await expectInvalid(other.walk(path));
    });

    it('completes a sign-in once, even when two requests arrive at the same time', async () => {
      const path = await browser.walkToCallback('/login/google');
      const responses = await Promise.all([browser.walk(path), browser.walk(path)]);
      expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 400]);
      await expectInvalid(browser.walk(path));
    });

    it('refuses a state that is older than ten minutes', async () => {
      const path = await browser.walkToCallback('/login/google');
      service.clock.forward(10 * MINUTE_MS + 1);
      await expectInvalid(browser.walk(path));
    });

    it('completes sign-ins of two tabs of the same browser', async () => {
      const [first, second] = [
        await browser.walkToCallback('/login/google'),
        await browser.walkToCallback('/login/google'),
      ];
      expect((await browser.walk(second)).status).toBe(200);
      expect((await browser.walk(first)).status).toBe(200);
    });

    it('refuses a state of Google at the callback of Facebook', async () => {
      const path = await browser.walkToCallback('/login/google');
      await expectInvalid(browser.walk(path.replace('google', 'facebook')));
    });

    it('refuses a stolen code, because its PKCE verifier is in another state', async () => {
      const stolen = new URL(await browser.walkToCallback('/login/google'), service.anonymous.url);
      const thief = new Browser(service.anonymous);
      const own = new URL(await thief.walkToCallback('/login/google'), service.anonymous.url);
      own.searchParams.set('code', stolen.searchParams.get('code')!);
      const { status, body } = await thief.walk(own.pathname + own.search);
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });

    it('completes a sign-in that another instance has started', async () => {
      const env = { ...login.google.env, PUBLIC_URL: service.anonymous.url };
      const beside = await startService(kind, { beside: service, env });
      const path = await browser.walkToCallback('/login/google');
      const cookie = await (async () => {
        const { headers } = await browser.get(new URL('/login/google', service.anonymous.url));
        return headers.getSetCookie()[0]!.split(';', 1)[0]!;
      })();
      const { status, body } = await beside.anonymous.get(path, { headers: { cookie } });
      expect(status).toBe(200);
      expect(await login.getProfile(body)).toMatchObject({ id: user.id });
      await beside.close();
      await expectInvalid(browser.walk(path));
    });

    it('accepts unknown parameters of the provider, but no repeated ones', async () => {
      const path = await browser.walkToCallback('/login/google');
      const twice = await browser.walk(`${path}&code=other`);
      expect([twice.status, twice.body.code]).toEqual([400, 'invalid_request']);
      expect((await browser.walk(`${path}&scope=openid+email&authuser=0&hd=example.com&prompt=none`)).status).toBe(200);
    });
  });

  describe('a flood of callbacks', () => {
    // the first start gives the browser its cookie
    beforeEach(() => login.getProviderUrl(browser));

    const ask = () => login.google.asked['/token'] ?? 0;

    /** A callback whose state is valid and whose code is made up, from this address. */
    const forge = async (address: string) => {
      const state = (await login.getProviderUrl(browser)).searchParams.get('state')!;
      const path = `/login/google/callback?code=made-up&state=${encodeURIComponent(state)}`;
      return () => browser.get(new URL(path, service.anonymous.url), { 'x-forwarded-for': address });
    };

    it('neither asks the provider nor stores anything without a state of the browser', async () => {
      const before = [ask(), await login.countRows('spent_tokens'), await login.countRows('rate_limits')];
      const flood = Array.from({ length: 60 }, () => browser.walk('/login/google/callback?code=x&state=y'));
      const statuses = (await Promise.all(flood)).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([400]));
      expect([ask(), await login.countRows('spent_tokens'), await login.countRows('rate_limits')]).toEqual(before);
    });

    it('asks the provider 50 times for refused codes from one address', async () => {
      const before = [ask(), await login.countRows('spent_tokens')] as const;
      const codes: string[] = [];
      const count = (code: string): number => codes.filter((other) => other === code).length;
      let batch: string[];
      do {
        const send = await Promise.all(Array.from({ length: 10 }, () => forge('192.0.2.77')));
        batch = (await Promise.all(send.map((callback) => callback()))).map(({ body }) => body.code);
        codes.push(...batch);
      } while (batch.some((code) => code !== 'too_many_requests'));
      expect(count('provider_login_failed')).toBe(50);
      // on a busy machine the provider may take too long: such a callback is not counted as a failure, and is sent again
      const unanswered = count('provider_unavailable');
      expect(count('provider_login_failed') + count('too_many_requests') + unanswered).toBe(codes.length);
      for (const asked of [ask() - before[0], (await login.countRows('spent_tokens')) - before[1]]) {
        expect(asked).toBeGreaterThanOrEqual(50);
        expect(asked).toBeLessThanOrEqual(50 + unanswered);
      }
      expect((await (await forge('192.0.2.78'))()).body.code).toBe('provider_login_failed');
    });

    it('refuses requests to a provider that hangs, and leaves the other one usable', async () => {
      const send = await Promise.all(Array.from({ length: 60 }, (_, index) => forge(`203.0.113.${index}`)));
      const before = ask();
      login.google.faults['/token'] = 'hangs';
      const flood = Promise.all(send.map((callback) => callback()));
      const { sub, email } = await login.createLinkedUser('facebook');
      login.setAccount('facebook', sub, email);
      expect((await new Browser(service.anonymous).walk('/login/facebook')).status).toBe(200);
      const codes = (await flood).map(({ body }) => body.code);
      expect(codes.filter((code) => code === 'overloaded').length).toBeGreaterThan(0);
      // a late one may take the place of one that has timed out
      expect(ask() - before).toBeLessThan(60);
    });
  });
});
