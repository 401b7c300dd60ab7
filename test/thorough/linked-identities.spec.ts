import { Browser } from '../support/browser.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { createSubject, ProviderLogin } from '../support/provider-login.js';
import { type TestService, unique } from '../support/service.js';
import { failure } from '../support/users.js';

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

    it('needs the password or a sign-in within the last five minutes', async () => {
      const user = await service.user();
      const start = (body?: unknown, client: Client = user) => client.post('/me/identities/google', body);
      service.clock.forward(5 * MINUTE_MS - 10_000);
      expect((await start()).status).toBe(200);
      service.clock.forward(11_000);
      const refused = [403, 'reauthentication_required'];
      expect(failure(await start())).toEqual(refused);
      // refreshing is no sign-in
      const { body } = await service.anonymous.post('/login/refresh', { refreshToken: user.refreshToken });
      expect(failure(await start({}, service.anonymous.as(body.accessToken)))).toEqual(refused);
      expect(failure(await start({ password: 'not my password' }))).toEqual(refused);
      expect((await start({ password: user.password })).status).toBe(200);
      const again = await service.anonymous.signIn(user.email, user.password);
      expect((await start(undefined, again)).status).toBe(200);
      expect((await service.admin.get(`/users/${user.id}`)).body.version).toBe(1);
    });

    it('refuses a wrong password even after a recent sign-in, and limits the attempts', async () => {
      const user = await service.user();
      const responses = new Set<string>();
      const headers = { 'x-forwarded-for': '203.0.113.8' };
      for (let attempt = 0; attempt < 8; attempt++)
        responses.add(
          failure(await user.post('/me/identities/google', { password: `wrong ${attempt}` }, { headers })).join(' '),
        );
      expect([...responses]).toEqual(['403 reauthentication_required', '429 too_many_requests']);
    });

    it.each([{ password: null }, { password: 7 }, { password: 'x'.repeat(129) }, { other: true }, [], 'text', null])(
      'refuses the body %j',
      async (body) => {
        const user = await service.user();
        const text = JSON.stringify(body);
        expect(failure(await user.post('/me/identities/google', text))).toEqual([400, 'invalid_request']);
      },
    );

    it('needs a recent sign-in of a user without a password', async () => {
      const user = await login.createLinkedUser('facebook');
      await service.dataSource.query('UPDATE users SET password_hash = NULL WHERE id = ?', [user.id]);
      expect((await user.post('/me/identities/google', { password: user.password })).status).toBe(200);
      service.clock.forward(5 * MINUTE_MS + 1_000);
      for (const body of [undefined, { password: user.password }])
        expect(failure(await user.post('/me/identities/google', body))).toEqual([403, 'reauthentication_required']);
      login.setAccount('facebook', user.sub);
      const { body } = await browser.walk('/login/facebook');
      expect((await service.anonymous.as(body.accessToken).post('/me/identities/google')).status).toBe(200);
    });

    it('is undone when a password reset is redeemed', async () => {
      const user = await service.user();
      login.setAccount('google', createSubject(), user.email);
      const attacker = new Browser(service.anonymous);
      expect((await link(user, attacker)).status).toBe(200);
      const pending = await user.post('/me/identities/facebook');
      const { body: reset } = await service.admin.post(`/users/${user.id}/password-reset`);
      // until then the user may need it
      expect((await attacker.walk('/login/google')).status).toBe(200);
      const newPassword = 'my new password';
      expect((await service.anonymous.post('/login/password', { token: reset.token, newPassword })).status).toBe(204);
      expect((await attacker.walk('/login/google')).body.code).toBe('not_registered');
      // nor does one that was started before
      attacker.keep(pending.headers, user.url);
      login.setAccount('facebook', createSubject());
      expect((await attacker.walkFrom(new URL(pending.body.uri as string))).body.code).toBe('invalid_login_state');
      expect((await service.admin.get(`/users/${user.id}`)).body).toMatchObject({ identities: [], hasPassword: true });
      const [entry] = (await service.admin.get(`/users/${user.id}/history`)).body.data;
      expect(entry).toMatchObject({ action: 'password_changed', changes: { identities: [['google'], null] } });
      expect((await link(await service.anonymous.signIn(user.email, newPassword))).status).toBe(200);
    });

    it('is undone by an admin', async () => {
      const user = await login.createLinkedUser('google');
      const path = `/users/${user.id}/identities/google`;
      expect((await service.admin.get(`/users/${user.id}`)).body.identities).toEqual(['google']);
      expect(failure(await user.delete(path))).toEqual([403, 'forbidden']);
      expect(failure(await service.anonymous.delete(path))).toEqual([401, 'unauthenticated']);
      expect((await service.admin.delete(path, { headers: { 'if-match': '"v1"' } })).status).toBe(412);
      expect((await service.admin.delete(path, { headers: { 'if-match': '"v2"' } })).status).toBe(204);
      login.setAccount('google', user.sub, user.email);
      expect((await browser.walk('/login/google')).body.code).toBe('not_registered');
      const { data } = (await service.admin.get(`/users/${user.id}/history`)).body;
      expect(data.map(({ action, by }: { action: string; by: number }) => [action, by])).toEqual([
        ['identity_unlinked', 1],
        ['identity_linked', user.id],
        ['created', 1],
      ]);
      for (const provider of ['google', 'facebook', 'twitter', 'constructor'])
        expect(failure(await service.admin.delete(`/users/${user.id}/identities/${provider}`))).toEqual([
          404,
          'identity_not_found',
        ]);
      expect(failure(await service.admin.delete('/users/2147483647/identities/google'))).toEqual([
        404,
        'user_not_found',
      ]);
    });

    it('is undone by an admin even if it is the only way to sign in', async () => {
      const user = await login.createLinkedUser('google');
      await service.dataSource.query('UPDATE users SET password_hash = NULL WHERE id = ?', [user.id]);
      expect((await service.admin.delete(`/users/${user.id}/identities/google`)).status).toBe(204);
      const { body } = await service.admin.post(`/users/${user.id}/password-reset`);
      const redeemed = await service.anonymous.post('/login/password', {
        token: body.token,
        newPassword: 'my new password',
      });
      expect(redeemed.status).toBe(204);
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
