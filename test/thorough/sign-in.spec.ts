import { onEveryDatabase } from '../support/databases.js';
import { createPasswordActions, JSON_TYPE, SLOW_HASH, werkzeugPbkdf2, werkzeugScrypt } from '../support/passwords.js';
import { newUser, startService, type TestService, unique } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const { createUser, createUserWithHash, signIn, send, rowOf, countSessions, createRefusedLogins } =
    createPasswordActions(() => service);

  describe('with the right password', () => {
    it('returns tokens that give access to the profile', async () => {
      const { id, email, password } = await createUser();
      const { status, body, headers } = await signIn(email, password);
      expect(status).toBe(200);
      expect(body).toMatchObject({ tokenType: 'Bearer', expiresIn: 600 });
      expect(headers.get('cache-control')).toMatch(/no-store|no-cache/);
      const { refreshExpiresIn } = body;
      expect(Math.abs(refreshExpiresIn - 14 * 24 * 60 * 60)).toBeLessThan(10);
      expect((await service.anonymous.as(body.accessToken).get('/me')).body).toMatchObject({ id, email });
      expect(await countSessions(id)).toBe(1);
    });

    it('ignores case and surrounding whitespace of the e-mail', async () => {
      const { id, email, password } = await createUser();
      const forms = [email.toUpperCase(), `  ${email}  `, `\t${email[0]!.toUpperCase()}${email.slice(1)}\n`];
      const responses = await Promise.all(forms.map((form) => signIn(form, password)));
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await countSessions(id)).toBe(3);
    });

    it('takes no letter for another one whose lower case it is', async () => {
      const { email, password } = await createUser({ email: `kim-ij-${unique()}@example.com` });
      for (const other of [email.replace('k', '\u212a'), email.replace('i', '\u0130')])
        expect((await signIn(other, password)).body.code).toBe('invalid_credentials');
      expect((await signIn(email.toUpperCase(), password)).status).toBe(200);
    });

    it('compares case, spaces and all 128 characters of the password, in any form of Unicode', async () => {
      const password = ` ${'é🔑'.repeat(63)}A`;
      expect([...password]).toHaveLength(128);
      const { email } = await createUser({ password });
      const others = [password.trim(), password.toLowerCase(), password.slice(0, -1), password.replaceAll('é', 'e')];
      const responses = await Promise.all(others.map((other) => signIn(email, other)));
      expect(responses.map(({ body }) => body.code)).not.toContain(undefined);
      for (const form of ['NFC', 'NFD'] as const)
        expect((await signIn(email, password.normalize(form))).status).toBe(200);
    });
  });

  describe('refuses', () => {
    it.each([
      ['an empty string', ''],
      ['null', null],
      ['an object', {}],
      ['a list', []],
      ['0', 0],
      ['true', true],
    ])('%s as password and as e-mail, before any lookup', async (_, value) => {
      const { id, email, password } = await createUser();
      for (const [pointer, body] of [
        ['/password', { email, password: value }],
        ['/email', { email: value, password }],
      ] as const) {
        const response = await service.anonymous.post('/login', body);
        expect(response.status).toBe(400);
        expect(response.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
      }
      expect(await countSessions(id)).toBe(0);
    });

    it.each([
      ['a query operator as the e-mail', { email: { $ne: null }, password: 'battery staple' }],
      ['a list of e-mails', { email: ['admin@example.com'], password: 'battery staple' }],
      ['no password', { email: 'admin@example.com' }],
      ['no e-mail', { password: 'battery staple' }],
      ['an unknown member', { email: 'admin@example.com', password: 'correct horse battery', role: 'admin' }],
      ['a list', [{ email: 'admin@example.com', password: 'correct horse battery' }]],
      ['a number', 7],
      ['null', null],
    ])('%s', async (_, body) => {
      const response = await service.anonymous.post('/login', body);
      expect(response.status).toBe(400);
      expect(response.body.code).toBe('invalid_request');
    });

    it('a password of 129 characters, before hashing it; nothing is truncated', async () => {
      const password = 'battery staple'.padEnd(128, 'p');
      const { id, email } = await createUser({ password });
      const response = await signIn(email, `${password}p`);
      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: '/password', code: 'too_long' }],
      });
      expect(await countSessions(id)).toBe(0);
      expect((await signIn(email, password)).status).toBe(200);
    });

    it('a body of more than 8 KiB', async () => {
      const { id, email, password } = await createUser();
      const body = JSON.stringify({ email, password });
      const [fits, doesNot, byFar] = await Promise.all([
        service.anonymous.post('/login', body.padEnd(8192)),
        service.anonymous.post('/login', body.padEnd(8193)),
        service.anonymous.post('/login', { email, password: 'p'.repeat(60_000) }),
      ]);
      expect(fits.status).toBe(200);
      expect([doesNot.status, doesNot.body.code]).toEqual([413, 'payload_too_large']);
      expect([byFar.status, byFar.body.code]).toEqual([413, 'payload_too_large']);
      expect(await countSessions(id)).toBe(1);
    });

    it('every content type except JSON, which cross-site pages cannot send without a preflight', async () => {
      const { id, email, password } = await createUser();
      const json = JSON.stringify({ email, password });
      const form = new FormData();
      form.set('email', email);
      form.set('password', password);
      const responses = await Promise.all([
        send(new URLSearchParams({ email, password }), {}),
        send(json, { 'content-type': 'text/plain' }),
        send(json, { 'content-type': 'text/plain; application/json' }),
        send(json, { 'content-type': 'application/x-www-form-urlencoded' }),
        send(form, {}),
        // fetch sends no Content-Type for bytes.
        send(new TextEncoder().encode(json), {}),
      ]);
      expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 415));
      for (const { text } of responses) expect(JSON.parse(text).code).toBe('unsupported_media_type');
      expect(await countSessions(id)).toBe(0);
      expect((await send(json, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
    });

    it('every failed sign-in with the same bytes, whatever the reason', async () => {
      const logins = await createRefusedLogins();
      const headers = { ...JSON_TYPE, 'x-request-id': 'the-same-for-all' };
      const responses = await Promise.all(Object.values(logins).map((login) => send(JSON.stringify(login), headers)));
      const [first] = responses;
      expect(first!.status).toBe(401);
      expect(JSON.parse(first!.text).code).toBe('invalid_credentials');
      expect(first!.headers.get('www-authenticate')).toMatch(/^Bearer /);
      const visible = ({ status, headers, text }: (typeof responses)[number]) => ({
        status,
        text,
        headers: [...headers].filter(([name]) => name !== 'date'),
      });
      const expected = visible(first!);
      for (const response of responses) expect(visible(response)).toEqual(expected);
    });
  });

  describe('hashes of the Flask service', () => {
    it.each([
      ['pbkdf2', werkzeugPbkdf2],
      ['scrypt', werkzeugScrypt],
    ])('%s signs in, and becomes argon2id', async (_, hashOf) => {
      const password = 'contraseña de Ana';
      const user = await createUserWithHash(hashOf(password));
      const before = await rowOf(user.id);

      expect((await signIn(user.email, 'contrasena de Ana')).status).toBe(401);
      expect(await rowOf(user.id)).toEqual(before);

      expect((await signIn(user.email, password)).status).toBe(200);
      const after = await rowOf(user.id);
      expect(after.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      // The password is the same, so nothing else changes.
      expect(after).toEqual({ ...before, password_hash: after.password_hash });
      expect((await signIn(user.email, password)).status).toBe(200);
      expect((await rowOf(user.id)).password_hash).toBe(after.password_hash);
    });

    it('sign in when several clients sign in first at the same time', async () => {
      const user = await createUserWithHash(werkzeugPbkdf2('battery staple'));
      const responses = await Promise.all([1, 2, 3].map(() => signIn(user.email, 'battery staple')));
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await signIn(user.email, 'battery staple')).status).toBe(200);
    });
  });

  it('sheds sign-ins that would wait too long for hashing', async () => {
    // Each of these checks takes about a second, so that the others have to wait, however slowly they arrive.
    const slow = await Promise.all(Array.from({ length: 8 }, () => createUserWithHash(SLOW_HASH)));
    const others = Array.from({ length: 92 }, () => newUser());
    const responses = await Promise.all([...slow, ...others].map(({ email }) => signIn(email, 'battery staple')));
    const shed = responses.filter(({ status }) => status === 503);
    expect(shed.length).toBeGreaterThan(0);
    for (const { body, headers } of shed) {
      expect(body.code).toBe('overloaded');
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(100 - shed.length);
  }, 120_000);
});
