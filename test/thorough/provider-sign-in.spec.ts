import { Browser } from '../support/browser.js';
import { onEveryDatabase } from '../support/databases.js';
import { createPkce, createSubject, ProviderLogin, RETURN_TO } from '../support/provider-login.js';
import { startService, type TestService, unique } from '../support/service.js';

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

  describe.each(['google', 'facebook'] as const)('signing in with %s', (provider) => {
    it('signs in the user with the verified e-mail, ignoring case', async () => {
      const user = await service.user();
      login.setAccount(provider, createSubject(), ` ${user.email.toUpperCase()}`.trim());
      const { status, body, headers } = await browser.walk(`/login/${provider}`, { 'user-agent': 'A browser' });
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(await login.getProfile(body)).toMatchObject({ id: user.id, identities: [provider], version: 2 });
      const { body: sessions } = await service.anonymous.as(body.accessToken).get('/me/sessions');
      expect(sessions.data[0]).toMatchObject({ current: true, userAgent: 'A browser' });
      const { body: history } = await service.admin.get(`/users/${user.id}/history`);
      expect(history.data[0]).toMatchObject({
        action: 'identity_linked',
        by: user.id,
        changes: { identities: [null, [provider]] },
      });
    });

    it('identifies the user only by the account after the first sign-in, whatever the e-mail', async () => {
      const user = await login.createLinkedUser(provider);
      const other = await service.user();
      login.setAccount(provider, user.sub, other.email);
      const { body } = await browser.walk(`/login/${provider}`);
      expect(await login.getProfile(body)).toMatchObject({ id: user.id, version: 2 });
      login.setAccount(provider, user.sub);
      expect(await login.getProfile((await browser.walk(`/login/${provider}`)).body)).toMatchObject({ id: user.id });
    });

    it('refuses another account with the same e-mail', async () => {
      const user = await login.createLinkedUser(provider);
      login.setAccount(provider, createSubject(), user.email);
      const { status, body } = await browser.walk(`/login/${provider}`);
      expect([status, body.code]).toEqual([403, 'not_registered']);
    });

    it('refuses accounts without a matching user, and creates nothing', async () => {
      const before = [
        await login.countRows('users'),
        await login.countRows('identities'),
        await login.countRows('sessions'),
        await login.countRows('history'),
      ];
      login.setAccount(provider, createSubject(), `unknown-${unique()}@example.com`);
      const { status, body } = await browser.walk(`/login/${provider}`);
      expect([status, body.code]).toEqual([403, 'not_registered']);
      login.setAccount(provider, createSubject());
      expect((await browser.walk(`/login/${provider}`)).body.code).toBe('not_registered');
      const after = [
        await login.countRows('users'),
        await login.countRows('identities'),
        await login.countRows('sessions'),
        await login.countRows('history'),
      ];
      expect(after).toEqual(before);
    });

    it('refuses deleted users, by account and by e-mail, and signs restored ones in again', async () => {
      const known = await login.createLinkedUser(provider);
      const fresh = await service.user();
      for (const { id } of [known, fresh]) expect((await service.admin.delete(`/users/${id}`)).status).toBe(204);
      login.setAccount(provider, known.sub, known.email);
      expect((await browser.walk(`/login/${provider}`)).body.code).toBe('not_registered');
      login.setAccount(provider, createSubject(), fresh.email);
      expect((await browser.walk(`/login/${provider}`)).body.code).toBe('not_registered');
      await service.admin.post(`/users/${known.id}/restore`);
      login.setAccount(provider, known.sub);
      expect((await browser.walk(`/login/${provider}`)).status).toBe(200);
    });

    it('moves the account from a deleted user to the new user with the same e-mail', async () => {
      const before = await login.createLinkedUser(provider);
      await service.admin.delete(`/users/${before.id}`);
      const after = await service.user({ email: before.email });
      login.setAccount(provider, before.sub, before.email);
      const { body } = await browser.walk(`/login/${provider}`);
      expect(await login.getProfile(body)).toMatchObject({ id: after.id, identities: [provider] });
      await service.admin.patch(`/users/${after.id}`, { email: `renamed-${unique()}@example.com` });
      const { body: restored } = await service.admin.post(`/users/${before.id}/restore`);
      expect(restored.identities).toEqual([]);
    });

    it('links once when several browsers complete at the same time', async () => {
      const user = await service.user();
      login.setAccount(provider, createSubject(), user.email);
      const responses = await Promise.all(
        Array.from({ length: 6 }, () => new Browser(service.anonymous).walk(`/login/${provider}`)),
      );
      expect(responses.map(({ status, body }) => body.code ?? status)).toEqual(Array(6).fill(200));
      expect((await service.admin.get(`/users/${user.id}`)).body.version).toBe(2);
    });

    it('reports an error of the provider as a refusal, without its text', async () => {
      const { status, body } = await browser.walk(`/login/${provider}`);
      expect([status, body.code]).toEqual([403, 'login_refused']);
      expect(JSON.stringify(body)).not.toContain('script');
      for (const query of [
        'error=server_error&error_description=<script>',
        'error=x&error_uri=javascript:1',
        'error=access_denied&error_reason=user_denied',
        // Looks like the error of a database driver.
        'error=ECONNREFUSED',
        'error=SQLITE_CONSTRAINT_UNIQUE&error_description=live_email',
        ...(provider === 'facebook' ? ['error_code=1&error_message=<script>', 'error_code=1213', 'error_code=x'] : []),
      ]) {
        const response = await browser.walk(`/login/${provider}/callback?${query}`);
        expect([query, response.status, response.body.code]).toEqual([query, 403, 'login_refused']);
        expect(JSON.stringify(response.body)).not.toMatch(/script|javascript|live_email/);
      }
      const { body: malformed } = await browser.walk(`/login/${provider}/callback?error[]=1`);
      expect(malformed.code).toBe('invalid_login_state');
    });

    it('refuses a code that the provider does not know', async () => {
      login.setAccount(provider, createSubject(), (await service.user()).email);
      const callback = new URL(await browser.walkToCallback(`/login/${provider}`), service.anonymous.url);
      callback.searchParams.set('code', 'made-up');
      const { status, body } = await browser.walk(callback.pathname + callback.search);
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });
  });

  it('returns 503 if the provider is not configured', async () => {
    const beside = await startService(kind, { beside: service });
    for (const path of ['/login/google', '/login/facebook', '/login/google/callback?code=x&state=y']) {
      const { status, body } = await beside.anonymous.get(path);
      expect([status, body.code]).toEqual([503, 'provider_not_configured']);
    }
    await beside.close();
  });

  it('stores no usable token or code', async () => {
    const { verifier, challenge } = createPkce();
    login.setAccount('google', createSubject(), (await service.user()).email);
    const { url } = await browser.walk(`/login/google?returnTo=${RETURN_TO}&codeChallenge=${challenge}`);
    const code = url.searchParams.get('code')!;
    const { body } = await service.anonymous.post('/login/exchange', { code, codeVerifier: verifier });
    const tables = service.dataSource.entityMetadatas.map(({ tableName }) => tableName);
    const rows = await Promise.all(tables.map((table) => service.dataSource.query(`SELECT * FROM ${table}`)));
    const stored = JSON.stringify(rows);
    for (const secret of [code, verifier, body.refreshToken, body.accessToken]) expect(stored).not.toContain(secret);
  });
});
