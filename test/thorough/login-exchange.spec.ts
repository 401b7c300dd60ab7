import { type GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { createPkce, createSubject, ProviderLogin, RETURN_TO } from '../support/provider-login.js';
import type { TestService } from '../support/service.js';

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

  describe('the one-time code for a frontend', () => {
    const query = (challenge?: string, returnTo = RETURN_TO) =>
      `?${new URLSearchParams({ returnTo, ...(challenge && { codeChallenge: challenge }) }).toString()}`;

    /** The address at which the browser returns to the frontend. */
    async function returnToFrontend(challenge?: string, returnTo = RETURN_TO): Promise<URL> {
      const { url, headers } = await browser.walk(`/login/google${query(challenge, returnTo)}`);
      expect(url.origin + url.pathname).toBe(RETURN_TO);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      return url;
    }
    const exchange = (body: object) => service.anonymous.post('/login/exchange', body);
    const expectInvalid = async (body: object) => {
      const response = await exchange(body);
      expect([response.status, response.body.code]).toEqual([400, 'invalid_login_code']);
    };
    let user: Client & { id: number; sub: string };
    beforeAll(async () => {
      user = await login.createLinkedUser('google');
    });
    beforeEach(() => login.setAccount('google', user.sub));

    it('is exchanged once, only with the verifier', async () => {
      const { verifier, challenge } = createPkce();
      const code = (await returnToFrontend(challenge)).searchParams.get('code')!;
      await expectInvalid({ code });
      await expectInvalid({ code, codeVerifier: createPkce().verifier });
      await expectInvalid({ code: `${code}x`, codeVerifier: verifier });
      const responses = await Promise.all([1, 2, 3].map(() => exchange({ code, codeVerifier: verifier })));
      expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 400, 400]);
      const { body } = responses.find(({ status }) => status === 200)!;
      expect(await login.getProfile(body)).toMatchObject({ id: user.id });
      expect((await service.anonymous.post('/login/refresh', { refreshToken: body.refreshToken })).status).toBe(200);
    });

    it('without a challenge is exchanged only without a verifier', async () => {
      const code = (await returnToFrontend()).searchParams.get('code')!;
      await expectInvalid({ code, codeVerifier: createPkce().verifier });
      expect((await exchange({ code })).status).toBe(200);
    });

    it('keeps the query of the return address', async () => {
      const address = `${RETURN_TO}?next=%2Fcustomers%2F7&code=mine&error=mine`;
      const url = await returnToFrontend(undefined, address);
      expect([...url.searchParams.keys()]).toEqual(['next', 'code']);
      expect(url.searchParams.get('next')).toBe('/customers/7');
      expect((await exchange({ code: url.searchParams.get('code') })).status).toBe(200);
      google.account = null;
      expect([...(await returnToFrontend(undefined, address)).searchParams]).toEqual([
        ['next', '/customers/7'],
        ['error', 'login_refused'],
      ]);
    });

    it('expires after 60 seconds', async () => {
      const [early, late] = [await returnToFrontend(), await returnToFrontend()];
      service.clock.forward(50_000);
      expect((await exchange({ code: early.searchParams.get('code') })).status).toBe(200);
      service.clock.forward(10_001);
      await expectInvalid({ code: late.searchParams.get('code') });
    });

    it('is refused after the user was deleted or signed out everywhere', async () => {
      for (const end of [`/users/${user.id}/sessions`]) {
        const code = (await returnToFrontend()).searchParams.get('code');
        expect((await service.admin.delete(end)).status).toBe(204);
        await expectInvalid({ code });
      }
      const gone = await login.createLinkedUser('google');
      const code = (await returnToFrontend()).searchParams.get('code');
      await service.admin.delete(`/users/${gone.id}`);
      await expectInvalid({ code });
    });

    it('is replaced by an error code in the return address when the sign-in fails', async () => {
      google.account = null;
      expect((await returnToFrontend()).searchParams.get('error')).toBe('login_refused');
      login.setAccount('google', createSubject(), 'unknown@example.com');
      expect((await returnToFrontend()).searchParams.get('error')).toBe('not_registered');
      login.setAccount('google', user.sub);
      google.faults['/token'] = 'returns 500';
      const url = await returnToFrontend();
      expect([...url.searchParams]).toEqual([['error', 'provider_unavailable']]);
      google.faults = {};
      // A state of another browser never redirects.
      const path = await browser.walkToCallback(`/login/google${query()}`);
      const { status, body } = await new Browser(service.anonymous).walk(path);
      expect([status, body.code]).toEqual([400, 'invalid_login_state']);
      expect((await browser.walk(path)).url.searchParams.has('code')).toBe(true);
      expect((await browser.walk(path)).url.searchParams.get('error')).toBe('invalid_login_state');
    });

    it.each([[''], [1], [null], [{}], ['x'.repeat(1025)]])('is refused if it is %j', async (code) => {
      expect((await exchange({ code })).body.code).toBe('invalid_request');
    });
  });
});
