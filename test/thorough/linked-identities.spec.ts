import { Browser } from '../support/browser.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { createSubject, ProviderLogin } from '../support/provider-login.js';
import { type TestService, unique } from '../support/service.js';

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

  describe('linking a provider account', () => {
    const link = async (client: Client, tab = browser) => {
      const { status, body, headers } = await client.post('/me/identities/google');
      expect(status).toBe(200);
      tab.keep(headers, client.url);
      return tab.walkFrom(new URL(body.uri as string));
    };

    it('links an account with another e-mail, and ends like a sign-in', async () => {
      const user = await service.user();
      login.setAccount('google', createSubject(), `private-${unique()}@example.com`);
      const { status, body } = await link(user);
      expect(status).toBe(200);
      expect(await login.getProfile(body)).toMatchObject({ id: user.id, identities: ['google'] });
      login.setAccount('facebook', createSubject(), user.email);
      await browser.walk('/login/facebook');
      expect((await user.get('/me')).body.identities).toEqual(['facebook', 'google']);
      // Linking it again changes nothing.
      const { version } = (await user.get('/me')).body;
      expect((await link(user)).status).toBe(200);
      expect((await user.get('/me')).body.version).toBe(version);
    });

    it('never relinks an account that another user holds', async () => {
      const owner = await login.createLinkedUser('google');
      const { status, body } = await link(await service.user());
      expect([status, body.code]).toEqual([409, 'identity_taken']);
      expect((await owner.get('/me')).body.identities).toEqual(['google']);
    });

    it('refuses a second account of the same provider', async () => {
      const user = await login.createLinkedUser('google');
      login.setAccount('google', createSubject(), user.email);
      const { status, body } = await link(user);
      expect([status, body.code]).toEqual([409, 'provider_linked']);
    });

    it('refuses one of two users who link the same account at the same time', async () => {
      const users = [await service.user(), await service.user()];
      login.setAccount('google', createSubject());
      const responses = await Promise.all(users.map((user) => link(user, new Browser(service.anonymous))));
      expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    });

    it('completes only in the browser that started it, and only during its session', async () => {
      const user = await service.user();
      login.setAccount('google', createSubject());
      const { body, headers } = await user.post('/me/identities/google');
      // Otherwise a victim who follows the attacker's address would link the own account to the attacker's user.
      expect((await browser.walkFrom(new URL(body.uri as string))).body.code).toBe('invalid_login_state');
      browser.keep(headers, service.anonymous.url);
      await user.post('/logout');
      expect((await browser.walkFrom(new URL(body.uri as string))).body.code).toBe('invalid_login_state');
      expect((await service.admin.get(`/users/${user.id}`)).body.identities).toEqual([]);
    });

    it('is undone by unlinking, after which the account signs in only when it is linked again', async () => {
      const user = await login.createLinkedUser('google');
      const stale = await user.delete('/me/identities/google', { headers: { 'if-match': '"v1"' } });
      expect(stale.status).toBe(412);
      expect((await user.delete('/me/identities/google')).status).toBe(204);
      expect((await user.get('/me')).body).toMatchObject({ identities: [], version: 3 });
      login.setAccount('google', user.sub, user.email);
      expect((await browser.walk('/login/google')).body.code).toBe('not_registered');
      expect((await user.delete('/me/identities/google')).body.code).toBe('identity_not_found');
      expect((await link(user)).status).toBe(200);
      expect((await browser.walk('/login/google')).status).toBe(200);
    });

    it('is possible for another user after unlinking', async () => {
      const first = await login.createLinkedUser('google');
      await first.delete('/me/identities/google');
      const second = await service.user();
      login.setAccount('google', first.sub);
      expect((await link(second)).status).toBe(200);
      expect(await login.getProfile((await browser.walk('/login/google')).body)).toMatchObject({ id: second.id });
    });

    it('cannot be undone if it is the only way to sign in', async () => {
      const user = await login.createLinkedUser('google');
      await service.dataSource.query('UPDATE users SET password_hash = NULL WHERE id = ?', [user.id]);
      const { status, body } = await user.delete('/me/identities/google');
      expect([status, body.code]).toEqual([409, 'last_sign_in']);
    });

    it('refuses unknown providers and anonymous requests', async () => {
      const user = await service.user();
      for (const name of ['twitter', 'constructor', 'Google', '%67oogle2']) {
        expect((await user.post(`/me/identities/${name}`)).body.code).toBe('not_found');
        expect((await user.delete(`/me/identities/${name}`)).body.code).toMatch(/not_found$/);
      }
      expect((await service.anonymous.post('/me/identities/google')).status).toBe(401);
    });
  });
});
