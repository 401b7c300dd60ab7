import { createHash, createHmac, randomBytes } from 'node:crypto';
import { FacebookStandIn } from './stand-ins/facebook.js';
import { DISCOVERY, GoogleStandIn } from './stand-ins/google.js';
import { Browser } from './support/browser.js';
import type { Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { startService, type TestService, unique } from './support/service.js';

const RETURN_TO = 'https://app.example.com/signed-in';
const MINUTE_MS = 60_000;

const pkce = () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};

const subject = () => `subject-${unique()}`;

onEveryDatabase((kind) => {
  let google: GoogleStandIn;
  let facebook: FacebookStandIn;
  let service: TestService;
  let browser: Browser;

  beforeAll(async () => {
    [google, facebook] = await Promise.all([GoogleStandIn.start(), FacebookStandIn.start()]);
    const env = { ...google.env, ...facebook.env, LOGIN_RETURN_URLS: `${RETURN_TO}, http://localhost:3000/` };
    service = await startService(kind, { env });
    google.register(`${service.anonymous.url}/login/google/callback`);
    facebook.redirectUris = [`${service.anonymous.url}/login/facebook/callback`];
  });
  afterAll(async () => {
    await Promise.all([service.close(), google.close(), facebook.close()]);
  });
  beforeEach(() => {
    browser = new Browser(service.anonymous);
  });
  afterEach(() => {
    Object.assign(google, { account: null, faults: {}, forge: undefined });
    Object.assign(facebook, { account: null, faults: {} });
    service.clock.reset();
  });

  const count = async (table: string) =>
    Number((await service.dataSource.query<[{ n: number }]>(`SELECT COUNT(*) AS n FROM ${table}`))[0].n);

  const profileOf = async ({ accessToken }: { accessToken: string }) =>
    (await service.anonymous.as(accessToken).get('/me')).body;

  /** The provider's side: who signs in there, with an e-mail that it vouches for. */
  const at = {
    google: (sub: string, email?: string) => (google.account = { sub, email, email_verified: true }),
    facebook: (id: string, email?: string) => (facebook.account = { id, email }),
  };

  /** A user who has signed in with this provider. */
  async function linked(provider: 'google' | 'facebook', overrides = {}) {
    const user = await service.user(overrides);
    const sub = subject();
    at[provider](sub, user.email);
    const { status } = await new Browser(service.anonymous).walk(`/login/${provider}`);
    expect(status).toBe(200);
    return Object.assign(user, { sub });
  }

  const startUrl = async (query = '') => {
    const { status, body } = await browser.get(new URL(`/login/google${query}`, service.anonymous.url), {
      accept: 'application/json',
    });
    expect(status).toBe(200);
    return new URL(body.uri as string);
  };

  describe.each(['google', 'facebook'] as const)('signing in with %s', (provider) => {
    it('gives tokens to the user whose e-mail the provider vouches for, whatever its case', async () => {
      const user = await service.user();
      at[provider](subject(), ` ${user.email.toUpperCase()}`.trim());
      const { status, body, headers } = await browser.walk(`/login/${provider}`, { 'user-agent': 'A browser' });
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(await profileOf(body)).toMatchObject({ id: user.id, identities: [provider], version: 2 });
      const { body: sessions } = await service.anonymous.as(body.accessToken).get('/me/sessions');
      expect(sessions.data[0]).toMatchObject({ current: true, userAgent: 'A browser' });
      const { body: history } = await service.admin.get(`/users/${user.id}/history`);
      expect(history.data[0]).toMatchObject({
        action: 'identity_linked',
        by: user.id,
        changes: { identities: [null, provider] },
      });
    });

    it('goes by the account alone from then on, whatever becomes of the e-mail', async () => {
      const user = await linked(provider);
      const other = await service.user();
      at[provider](user.sub, other.email);
      const { body } = await browser.walk(`/login/${provider}`);
      expect(await profileOf(body)).toMatchObject({ id: user.id, version: 2 });
      at[provider](user.sub);
      expect(await profileOf((await browser.walk(`/login/${provider}`)).body)).toMatchObject({ id: user.id });
    });

    it('does not take another account with the same e-mail for the user', async () => {
      const user = await linked(provider);
      at[provider](subject(), user.email);
      const { status, body } = await browser.walk(`/login/${provider}`);
      expect([status, body.code]).toEqual([403, 'not_registered']);
    });

    it('knows nobody whom no admin has created, and creates nothing', async () => {
      const before = [await count('users'), await count('identities'), await count('sessions'), await count('history')];
      at[provider](subject(), `nobody-${unique()}@example.com`);
      const { status, body } = await browser.walk(`/login/${provider}`);
      expect([status, body.code]).toEqual([403, 'not_registered']);
      at[provider](subject());
      expect((await browser.walk(`/login/${provider}`)).body.code).toBe('not_registered');
      const after = [await count('users'), await count('identities'), await count('sessions'), await count('history')];
      expect(after).toEqual(before);
    });

    it('lets no deleted user in, by account or by e-mail, and one who is restored as before', async () => {
      const known = await linked(provider);
      const fresh = await service.user();
      for (const { id } of [known, fresh]) expect((await service.admin.delete(`/users/${id}`)).status).toBe(204);
      at[provider](known.sub, known.email);
      expect((await browser.walk(`/login/${provider}`)).body.code).toBe('not_registered');
      at[provider](subject(), fresh.email);
      expect((await browser.walk(`/login/${provider}`)).body.code).toBe('not_registered');
      await service.admin.post(`/users/${known.id}/restore`);
      at[provider](known.sub);
      expect((await browser.walk(`/login/${provider}`)).status).toBe(200);
    });

    it('lets somebody in who left and was created anew, and takes the account from who they were', async () => {
      const before = await linked(provider);
      await service.admin.delete(`/users/${before.id}`);
      const after = await service.user({ email: before.email });
      at[provider](before.sub, before.email);
      const { body } = await browser.walk(`/login/${provider}`);
      expect(await profileOf(body)).toMatchObject({ id: after.id, identities: [provider] });
      await service.admin.patch(`/users/${after.id}`, { email: `renamed-${unique()}@example.com` });
      const { body: restored } = await service.admin.post(`/users/${before.id}/restore`);
      expect(restored.identities).toEqual([]);
    });

    it('links once when several browsers come back at once', async () => {
      const user = await service.user();
      at[provider](subject(), user.email);
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => new Browser(service.anonymous).walk(`/login/${provider}`)),
      );
      expect(answers.map(({ status, body }) => body.code ?? status)).toEqual(Array(6).fill(200));
      expect((await service.admin.get(`/users/${user.id}`)).body.version).toBe(2);
    });

    it('takes what is no sign-in for a refusal, and prints nothing of it', async () => {
      const { status, body } = await browser.walk(`/login/${provider}`);
      expect([status, body.code]).toEqual([403, 'login_refused']);
      expect(JSON.stringify(body)).not.toContain('script');
      for (const query of [
        'error=server_error&error_description=<script>',
        'error=x&error_uri=javascript:1',
        'error=access_denied&error_reason=user_denied',
        // as a driver would say it, of all things
        'error=ECONNREFUSED',
        'error=SQLITE_CONSTRAINT_UNIQUE&error_description=live_email',
        ...(provider === 'facebook' ? ['error_code=1&error_message=<script>', 'error_code=1213', 'error_code=x'] : []),
      ]) {
        const answer = await browser.walk(`/login/${provider}/callback?${query}`);
        expect([query, answer.status, answer.body.code]).toEqual([query, 403, 'login_refused']);
        expect(JSON.stringify(answer.body)).not.toMatch(/script|javascript|live_email/);
      }
      const { body: malformed } = await browser.walk(`/login/${provider}/callback?error[]=1`);
      expect(malformed.code).toBe('invalid_login_state');
    });

    it('gets nothing for a code that the provider does not know', async () => {
      at[provider](subject(), (await service.user()).email);
      const callback = new URL(await browser.walkToCallback(`/login/${provider}`), service.anonymous.url);
      callback.searchParams.set('code', 'made-up');
      const { status, body } = await browser.walk(callback.pathname + callback.search);
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });
  });

  describe('the start', () => {
    it('sends the browser to the provider, or tells a script where to send it', async () => {
      const sent = await browser.get(new URL('/login/google', service.anonymous.url));
      expect(sent.status).toBe(302);
      const told = await startUrl();
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

    it('uses a new state, nonce and challenge each time', async () => {
      const starts = await Promise.all(Array.from({ length: 5 }, () => startUrl()));
      for (const name of ['state', 'nonce', 'code_challenge'])
        expect(new Set(starts.map(({ searchParams }) => searchParams.get(name))).size).toBe(5);
    });

    it('asks Google for its addresses once in an hour, and does with old ones if there is no answer', async () => {
      await startUrl();
      const before = google.asked[DISCOVERY];
      await startUrl();
      expect(google.asked[DISCOVERY]).toBe(before);
      service.clock.forward(61 * MINUTE_MS);
      google.faults[DISCOVERY] = 'answers 500';
      await startUrl();
      expect(google.asked[DISCOVERY]).toBe(before! + 1);
    });

    it('leaves time for the rest of a sign-in while it asks for new ones, and does not ask at every one', async () => {
      at.google(subject(), (await service.user()).email);
      service.clock.forward(180 * MINUTE_MS);
      await startUrl();
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
      await startUrl();
      expect(google.asked[DISCOVERY]).toBe(before + 2);
    });

    it('sets a cookie that scripts cannot read and other sites do not send along', async () => {
      const { headers } = await service.anonymous.get('/login/google');
      expect(headers.getSetCookie()).toEqual([
        expect.stringMatching(/^login=[\w-]{22}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/),
      ]);
    });

    it.each([
      '//evil.example.com',
      '/\\evil.example.com',
      '\\\\evil.example.com',
      'https:evil.example.com',
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
    ])('refuses to return to %j', async (returnTo) => {
      const { status, body, headers } = await service.anonymous.get(
        `/login/google?returnTo=${encodeURIComponent(returnTo)}`,
      );
      expect([status, body.code, body.errors?.[0].pointer]).toEqual([400, 'invalid_request', 'returnTo']);
      expect(headers.has('location')).toBe(false);
    });

    it.each([
      ['a challenge that is none', `returnTo=${RETURN_TO}&codeChallenge=plain`],
      ['a challenge without a frontend', `codeChallenge=${pkce().challenge}`],
      ['what it does not know', 'next=/'],
      ['the same twice', `returnTo=${RETURN_TO}&returnTo=${RETURN_TO}`],
      ['a code that is for the callback', 'code=abc'],
    ])('refuses %s', async (_, query) => {
      const { status, body } = await service.anonymous.get(`/login/google?${query}`);
      expect([status, body.code]).toEqual([400, 'invalid_request']);
    });
  });

  describe('the callback', () => {
    let user: Awaited<ReturnType<TestService['user']>>;
    beforeAll(async () => {
      user = await linked('google');
    });
    beforeEach(() => {
      at.google((user as unknown as { sub: string }).sub, user.email);
    });

    const expectInvalid = async (answer: Promise<{ status: number; body: { code: string } }>) => {
      const { status, body } = await answer;
      expect([status, body.code]).toEqual([400, 'invalid_login_state']);
    };

    it('refuses what it did not start', async () => {
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

    it('refuses what another browser has started, though it comes with a cookie of its own', async () => {
      const path = await browser.walkToCallback('/login/google');
      await expectInvalid(new Browser(service.anonymous).walk(path));
      const other = new Browser(service.anonymous);
      await other.walkToCallback('/login/google');
      await expectInvalid(other.walk(path));
    });

    it('completes a sign-in once, also when two ask at once', async () => {
      const path = await browser.walkToCallback('/login/google');
      const answers = await Promise.all([browser.walk(path), browser.walk(path)]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
      await expectInvalid(browser.walk(path));
    });

    it('refuses what was started more than ten minutes ago', async () => {
      const path = await browser.walkToCallback('/login/google');
      service.clock.forward(10 * MINUTE_MS + 1);
      await expectInvalid(browser.walk(path));
    });

    it('completes what was started in another tab of the browser', async () => {
      const [first, second] = [
        await browser.walkToCallback('/login/google'),
        await browser.walkToCallback('/login/google'),
      ];
      expect((await browser.walk(second)).status).toBe(200);
      expect((await browser.walk(first)).status).toBe(200);
    });

    it('refuses Google’s code where Facebook’s is awaited', async () => {
      const path = await browser.walkToCallback('/login/google');
      await expectInvalid(browser.walk(path.replace('google', 'facebook')));
    });

    it('gets nothing for a stolen code: its verifier stays in the state that it was made with', async () => {
      const stolen = new URL(await browser.walkToCallback('/login/google'), service.anonymous.url);
      const thief = new Browser(service.anonymous);
      const own = new URL(await thief.walkToCallback('/login/google'), service.anonymous.url);
      own.searchParams.set('code', stolen.searchParams.get('code')!);
      const { status, body } = await thief.walk(own.pathname + own.search);
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });

    it('completes on one instance what another has started', async () => {
      const env = { ...google.env, PUBLIC_URL: service.anonymous.url };
      const beside = await startService(kind, { beside: service, env });
      const path = await browser.walkToCallback('/login/google');
      const cookie = await (async () => {
        const { headers } = await browser.get(new URL('/login/google', service.anonymous.url));
        return headers.getSetCookie()[0]!.split(';', 1)[0]!;
      })();
      const { status, body } = await beside.anonymous.get(path, { headers: { cookie } });
      expect(status).toBe(200);
      expect(await profileOf(body)).toMatchObject({ id: user.id });
      await beside.close();
      await expectInvalid(browser.walk(path));
    });

    it('does not mind what else the provider says, but takes nothing twice', async () => {
      const path = await browser.walkToCallback('/login/google');
      const twice = await browser.walk(`${path}&code=other`);
      expect([twice.status, twice.body.code]).toEqual([400, 'invalid_request']);
      expect((await browser.walk(`${path}&scope=openid+email&authuser=0&hd=example.com&prompt=none`)).status).toBe(200);
    });

    it.each([
      ['for another client', { aud: 'somebody-else' }],
      ['for several, given to another', { aud: [GoogleStandIn.clientId, 'x'], azp: 'x' }],
      ['from another issuer', { iss: 'https://accounts.evil.example.com' }],
      ['with another nonce', { nonce: 'x'.repeat(22) }],
      ['without a nonce', { nonce: undefined }],
      ['that has expired', { exp: 1_700_000_000 }],
      ['without an end', { exp: undefined }],
      ['of nobody', { sub: undefined }],
      ['of somebody with an endless name', { sub: 'x'.repeat(256) }],
    ])('refuses an id_token %s', async (_, changed) => {
      google.forge = (claims, sign) => sign({ ...claims, ...changed });
      const { status, body, headers } = await browser.walk('/login/google');
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
      expect(headers.has('www-authenticate')).toBe(true);
    });

    const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    it.each([
      ['without a signature', (claims: object) => `${segment({ alg: 'none' })}.${segment(claims)}.`],
      ['signed with our own secret', (claims: object) => signedBySecret(claims)],
      [
        'with a signature of something else',
        (_: object, right: string) => right.replace(/\.[^.]+\./, `.${segment({ sub: 'x' })}.`),
      ],
      ['that is none', () => 'x'],
    ])('refuses an id_token %s', async (_, forge) => {
      google.forge = async (claims, sign) => forge(claims, await sign(claims));
      const { status, body } = await browser.walk('/login/google');
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });

    it.each([[false], ['false'], ['true'], [undefined], [null]])(
      'does not go by an e-mail whose email_verified is %j',
      async (isVerified) => {
        const fresh = await service.user();
        google.account = { sub: subject(), email: fresh.email, email_verified: isVerified as boolean };
        const { status, body } = await browser.walk('/login/google');
        expect([status, body.code]).toEqual([403, 'not_registered']);
        expect((await service.admin.get(`/users/${fresh.id}`)).body.identities).toEqual([]);
      },
    );

    it.each([[12345], [null], [''], [['1']], [{ id: 1 }]])('takes %j for no account at Facebook', async (id) => {
      const fresh = await service.user();
      facebook.account = { id, email: fresh.email };
      const { status, body } = await browser.walk('/login/facebook');
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });
  });

  describe('a provider that fails', () => {
    const faults = ['answers 500', 'sends 50 MB', 'leads elsewhere', 'hangs up'] as const;
    const places: Array<['google' | 'facebook', string]> = [
      ['google', '/token'],
      ['facebook', '/oauth/access_token'],
      ['facebook', '/me'],
    ];
    const cases = places.flatMap(([provider, path]) => faults.map((fault) => [provider, path, fault] as const));

    async function expectUnavailable(answer: Promise<{ status: number; headers: Headers; body: { code: string } }>) {
      const started = performance.now();
      const { status, body, headers } = await answer;
      // the bound that the contract gives
      expect(performance.now() - started).toBeLessThan(3_000);
      expect([status, body.code]).toEqual([503, 'provider_unavailable']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(JSON.stringify(body)).not.toMatch(/secret|metadata|ECONN|\/(token|me)\b/);
    }

    it.each(cases)('%s at %s that %s is 503, soon', async (provider, path, fault) => {
      const user = await service.user();
      at[provider](subject(), user.email);
      const callback = await browser.walkToCallback(`/login/${provider}`);
      (provider === 'google' ? google : facebook).faults[path] = fault;
      await expectUnavailable(browser.walk(callback));
    });

    it('that hangs is 503 within three seconds, wherever it does', async () => {
      const fresh = await GoogleStandIn.start();
      const beside = await startService(kind, { beside: service, env: fresh.env });
      fresh.register(`${beside.anonymous.url}/login/google/callback`);
      at.google(subject());
      at.facebook(subject());
      const browsers = [browser, new Browser(service.anonymous)];
      const callbacks = [
        await browsers[0]!.walkToCallback('/login/google'),
        await browsers[1]!.walkToCallback('/login/facebook'),
      ];
      google.faults['/token'] = facebook.faults['/me'] = fresh.faults[DISCOVERY] = 'hangs';
      await Promise.all([
        ...callbacks.map((callback, tab) => expectUnavailable(browsers[tab]!.walk(callback))),
        expectUnavailable(beside.anonymous.get('/login/google')),
      ]);
      fresh.faults = {};
      fresh.account = { sub: subject() };
      const other = new Browser(beside.anonymous);
      const callback = await other.walkToCallback('/login/google');
      // all that is asked of it together
      Object.assign(fresh.faults, { '/token': 'is slow', '/jwks': 'hangs' });
      await expectUnavailable(other.walk(callback));
      await Promise.all([beside.close(), fresh.close()]);
    });

    it.each(places.flatMap((place) => [[...place, 'sends rubbish'] as const, [...place, 'sends null'] as const]))(
      '%s at %s that %s proves nothing',
      async (provider, path, fault) => {
        at[provider](subject(), (await service.user()).email);
        const callback = await browser.walkToCallback(`/login/${provider}`);
        (provider === 'google' ? google : facebook).faults[path] = fault;
        const { status, body } = await browser.walk(callback);
        expect([status, body.code]).toEqual([401, 'provider_login_failed']);
      },
    );

    it('is not reached before it is known where it is', async () => {
      const fresh = await GoogleStandIn.start();
      const beside = await startService(kind, { beside: service, env: fresh.env });
      for (const fault of ['answers 500', 'sends 50 MB', 'sends rubbish', 'sends null'] as const) {
        fresh.faults[DISCOVERY] = fault;
        const { status, body } = await beside.anonymous.get('/login/google');
        expect([fault, status, body.code]).toEqual([fault, 503, 'provider_unavailable']);
      }
      await Promise.all([beside.close(), fresh.close()]);
    });
  });

  describe('a frontend', () => {
    const query = (challenge?: string, returnTo = RETURN_TO) =>
      `?${new URLSearchParams({ returnTo, ...(challenge && { codeChallenge: challenge }) }).toString()}`;

    /** What the frontend gets back in its address. */
    async function comeBack(challenge?: string, returnTo = RETURN_TO): Promise<URL> {
      const { url, headers } = await browser.walk(`/login/google${query(challenge, returnTo)}`);
      expect(url.origin + url.pathname).toBe(RETURN_TO);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      return url;
    }
    const exchange = (body: object) => service.anonymous.post('/login/exchange', body);
    const expectInvalid = async (body: object) => {
      const answer = await exchange(body);
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_login_code']);
    };
    let user: Client & { id: number; sub: string };
    beforeAll(async () => {
      user = await linked('google');
    });
    beforeEach(() => at.google(user.sub));

    it('gets a code that it alone can exchange for tokens, once', async () => {
      const { verifier, challenge } = pkce();
      const code = (await comeBack(challenge)).searchParams.get('code')!;
      await expectInvalid({ code });
      await expectInvalid({ code, codeVerifier: pkce().verifier });
      await expectInvalid({ code: `${code}x`, codeVerifier: verifier });
      const answers = await Promise.all([1, 2, 3].map(() => exchange({ code, codeVerifier: verifier })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400]);
      const { body } = answers.find(({ status }) => status === 200)!;
      expect(await profileOf(body)).toMatchObject({ id: user.id });
      expect((await service.anonymous.post('/login/refresh', { refreshToken: body.refreshToken })).status).toBe(200);
    });

    it('may do without a verifier, but then not come with one', async () => {
      const code = (await comeBack()).searchParams.get('code')!;
      await expectInvalid({ code, codeVerifier: pkce().verifier });
      expect((await exchange({ code })).status).toBe(200);
    });

    it('keeps the query of its address', async () => {
      const address = `${RETURN_TO}?next=%2Fcustomers%2F7&code=mine&error=mine`;
      const url = await comeBack(undefined, address);
      expect([...url.searchParams.keys()]).toEqual(['next', 'code']);
      expect(url.searchParams.get('next')).toBe('/customers/7');
      expect((await exchange({ code: url.searchParams.get('code') })).status).toBe(200);
      google.account = null;
      expect([...(await comeBack(undefined, address)).searchParams]).toEqual([
        ['next', '/customers/7'],
        ['error', 'login_refused'],
      ]);
    });

    it('has 60 seconds for it', async () => {
      const [soon, late] = [await comeBack(), await comeBack()];
      service.clock.forward(59_000);
      expect((await exchange({ code: soon.searchParams.get('code') })).status).toBe(200);
      service.clock.forward(1_001);
      await expectInvalid({ code: late.searchParams.get('code') });
    });

    it('gets nothing for the code of somebody who has been deleted or signed out everywhere meanwhile', async () => {
      for (const end of [`/users/${user.id}/sessions`]) {
        const code = (await comeBack()).searchParams.get('code');
        expect((await service.admin.delete(end)).status).toBe(204);
        await expectInvalid({ code });
      }
      const gone = await linked('google');
      const code = (await comeBack()).searchParams.get('code');
      await service.admin.delete(`/users/${gone.id}`);
      await expectInvalid({ code });
    });

    it('learns from its address what went wrong', async () => {
      google.account = null;
      expect((await comeBack()).searchParams.get('error')).toBe('login_refused');
      at.google(subject(), 'nobody@example.com');
      expect((await comeBack()).searchParams.get('error')).toBe('not_registered');
      at.google(user.sub);
      google.faults['/token'] = 'answers 500';
      const url = await comeBack();
      expect([...url.searchParams]).toEqual([['error', 'provider_unavailable']]);
      google.faults = {};
      // nobody is sent anywhere by a state that is not theirs
      const path = await browser.walkToCallback(`/login/google${query()}`);
      const { status, body } = await new Browser(service.anonymous).walk(path);
      expect([status, body.code]).toEqual([400, 'invalid_login_state']);
      expect((await browser.walk(path)).url.searchParams.has('code')).toBe(true);
      expect((await browser.walk(path)).url.searchParams.get('error')).toBe('invalid_login_state');
    });

    it.each([[''], [1], [null], [{}], ['x'.repeat(1025)]])('is told that %j is no code', async (code) => {
      expect((await exchange({ code })).body.code).toBe('invalid_request');
    });
  });

  describe('linking', () => {
    const link = async (client: Client, tab = browser) => {
      const { status, body, headers } = await client.post('/me/identities/google');
      expect(status).toBe(200);
      tab.keep(headers, client.url);
      return tab.walkFrom(new URL(body.uri as string));
    };

    it('adds an account whose e-mail is another, and ends like a sign-in', async () => {
      const user = await service.user();
      at.google(subject(), `private-${unique()}@example.com`);
      const { status, body } = await link(user);
      expect(status).toBe(200);
      expect(await profileOf(body)).toMatchObject({ id: user.id, identities: ['google'] });
      at.facebook(subject(), user.email);
      await browser.walk('/login/facebook');
      expect((await user.get('/me')).body.identities).toEqual(['facebook', 'google']);
      // once more changes nothing
      const { version } = (await user.get('/me')).body;
      expect((await link(user)).status).toBe(200);
      expect((await user.get('/me')).body.version).toBe(version);
    });

    it('takes an account from nobody', async () => {
      const owner = await linked('google');
      const { status, body } = await link(await service.user());
      expect([status, body.code]).toEqual([409, 'identity_taken']);
      expect((await owner.get('/me')).body.identities).toEqual(['google']);
    });

    it('replaces no account by another', async () => {
      const user = await linked('google');
      at.google(subject(), user.email);
      const { status, body } = await link(user);
      expect([status, body.code]).toEqual([409, 'provider_linked']);
    });

    it('gives one of two users who link the same account at once a refusal', async () => {
      const users = [await service.user(), await service.user()];
      at.google(subject());
      const answers = await Promise.all(users.map((user) => link(user, new Browser(service.anonymous))));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    });

    it('ends in the browser that began it, while its session lives', async () => {
      const user = await service.user();
      at.google(subject());
      const { body, headers } = await user.post('/me/identities/google');
      // somebody who is made to follow the address of another would give them their account
      expect((await browser.walkFrom(new URL(body.uri as string))).body.code).toBe('invalid_login_state');
      browser.keep(headers, service.anonymous.url);
      await user.post('/logout');
      expect((await browser.walkFrom(new URL(body.uri as string))).body.code).toBe('invalid_login_state');
      expect((await service.admin.get(`/users/${user.id}`)).body.identities).toEqual([]);
    });

    it('is undone, and then only its owner can do it again', async () => {
      const user = await linked('google');
      const stale = await user.delete('/me/identities/google', { headers: { 'if-match': '"v1"' } });
      expect(stale.status).toBe(412);
      expect((await user.delete('/me/identities/google')).status).toBe(204);
      expect((await user.get('/me')).body).toMatchObject({ identities: [], version: 3 });
      at.google(user.sub, user.email);
      expect((await browser.walk('/login/google')).body.code).toBe('not_registered');
      expect((await user.delete('/me/identities/google')).body.code).toBe('identity_not_found');
      expect((await link(user)).status).toBe(200);
      expect((await browser.walk('/login/google')).status).toBe(200);
    });

    it('is free for another user once it is undone', async () => {
      const first = await linked('google');
      await first.delete('/me/identities/google');
      const second = await service.user();
      at.google(first.sub);
      expect((await link(second)).status).toBe(200);
      expect(await profileOf((await browser.walk('/login/google')).body)).toMatchObject({ id: second.id });
    });

    it('is not undone if there is no other way to sign in', async () => {
      const user = await linked('google');
      await service.dataSource.query('UPDATE users SET password_hash = NULL WHERE id = ?', [user.id]);
      const { status, body } = await user.delete('/me/identities/google');
      expect([status, body.code]).toEqual([409, 'last_sign_in']);
    });

    it('knows two providers', async () => {
      const user = await service.user();
      for (const name of ['twitter', 'constructor', 'Google', '%67oogle2']) {
        expect((await user.post(`/me/identities/${name}`)).body.code).toBe('not_found');
        expect((await user.delete(`/me/identities/${name}`)).body.code).toMatch(/not_found$/);
      }
      expect((await service.anonymous.post('/me/identities/google')).status).toBe(401);
    });
  });

  it('says so if a provider is not set up', async () => {
    const beside = await startService(kind, { beside: service });
    for (const path of ['/login/google', '/login/facebook', '/login/google/callback?code=x&state=y']) {
      const { status, body } = await beside.anonymous.get(path);
      expect([status, body.code]).toEqual([503, 'provider_not_configured']);
    }
    await beside.close();
  });

  it('stores no token, code or state that could be used', async () => {
    const { verifier, challenge } = pkce();
    at.google(subject(), (await service.user()).email);
    const { url } = await browser.walk(`/login/google?returnTo=${RETURN_TO}&codeChallenge=${challenge}`);
    const code = url.searchParams.get('code')!;
    const { body } = await service.anonymous.post('/login/exchange', { code, codeVerifier: verifier });
    const tables = service.dataSource.entityMetadatas.map(({ tableName }) => tableName);
    const rows = await Promise.all(tables.map((table) => service.dataSource.query(`SELECT * FROM ${table}`)));
    const stored = JSON.stringify(rows);
    for (const secret of [code, verifier, body.refreshToken, body.accessToken]) expect(stored).not.toContain(secret);
  });
});

/** As a server would that takes the client secret for an HMAC key, because the header says so (RFC 8725, 2.1). */
function signedBySecret(claims: object): string {
  const text = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${createHmac('sha256', GoogleStandIn.clientSecret).update(text).digest('base64url')}`;
}
