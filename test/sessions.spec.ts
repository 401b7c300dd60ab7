import type { Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { startService, type TestService } from './support/service.js';

const SECOND_MS = 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

onEveryDatabase((kind) => {
  let service: TestService;
  /** Another instance on the same database. */
  let another: TestService;

  beforeAll(async () => {
    service = await startService(kind);
    another = await startService(kind, { beside: service });
  });
  afterEach(() => service.clock.reset());
  afterAll(async () => {
    await another.close();
    await service.close();
  });

  const pass = (ms: number): void => service.clock.forward(ms);

  const refresh = (refreshToken: unknown, at = service) => at.anonymous.post('/login/refresh', { refreshToken });

  const on = (instance: TestService, client: Client): Client => instance.anonymous.as(client.accessToken);

  const idOf = async (client: Client): Promise<number> => {
    const { body } = await client.get('/me/sessions');
    return body.data.find(({ current }: { current: boolean }) => current).id;
  };

  const rowOf = async (id: number) =>
    (await service.dataSource.query<any[]>('SELECT * FROM sessions WHERE id = ?', [id]))[0];

  async function expectIn(client: Client, at = service) {
    expect((await on(at, client).get('/me')).status).toBe(200);
  }

  /** Neither token is good for anything, on either instance. */
  async function expectOut(client: Client, refreshToken = client.refreshToken) {
    for (const instance of [service, another]) {
      const { status, body, headers } = await on(instance, client).get('/me');
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="crm-service", error="invalid_token"');
    }
    await expectRefused(refreshToken);
  }

  async function expectRefused(refreshToken: unknown, at = service) {
    const { status, body, headers } = await refresh(refreshToken, at);
    expect([status, body.code]).toEqual([401, 'invalid_refresh_token']);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
  }

  async function expectRefreshed(refreshToken: unknown, at = service) {
    const { status, body } = await refresh(refreshToken, at);
    expect(status).toBe(200);
    return body as { accessToken: string; refreshToken: string; refreshExpiresIn: number };
  }

  describe('a refresh token', () => {
    it('is exchanged for new tokens of the same session', async () => {
      const user = await service.user();
      const id = await idOf(user);
      const before = await rowOf(id);
      const { status, body } = await refresh(user.refreshToken);
      expect(status).toBe(200);
      expect(body).toMatchObject({ tokenType: 'Bearer', expiresIn: 600 });
      expect(body.refreshToken).not.toBe(user.refreshToken);
      const refreshed = service.anonymous.as(body.accessToken);
      expect((await refreshed.get('/me')).body.id).toBe(user.id);
      expect(await idOf(refreshed)).toBe(id);
      expect((await rowOf(id)).generation).toBe(before.generation + 1);
    });

    it('is exchanged by any instance', async () => {
      const user = await service.user();
      const { refreshToken } = await expectRefreshed(user.refreshToken, another);
      const { accessToken } = await expectRefreshed(refreshToken, service);
      await expectIn(service.anonymous.as(accessToken), another);
    });

    it('gets the same successor again within ten seconds', async () => {
      const user = await service.user();
      const first = await expectRefreshed(user.refreshToken);
      pass(9 * SECOND_MS);
      const again = await expectRefreshed(user.refreshToken);
      expect(again.refreshToken).toBe(first.refreshToken);
      await expectIn(service.anonymous.as(again.accessToken));
      await expectRefreshed(first.refreshToken);
    });

    it('gets one successor if 20 clients come with it at once', async () => {
      const user = await service.user();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => refresh(user.refreshToken, index % 2 ? service : another)),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1);
      for (const { body } of answers) await expectIn(service.anonymous.as(body.accessToken));
      expect((await rowOf(await idOf(user))).generation).toBe(2);
    });

    it('that is used again after the grace ends the session', async () => {
      const user = await service.user();
      const id = await idOf(user);
      const { accessToken, refreshToken } = await expectRefreshed(user.refreshToken);
      pass(11 * SECOND_MS);
      await expectIn(service.anonymous.as(accessToken));
      await expectRefused(user.refreshToken);
      await expectOut(user);
      await expectOut(service.anonymous.as(accessToken), refreshToken);
      expect((await rowOf(id)).ended_at).not.toBeNull();
    });

    it('from before the last one ends the session, also within the grace', async () => {
      const user = await service.user();
      const id = await idOf(user);
      const second = await expectRefreshed(user.refreshToken);
      const third = await expectRefreshed(second.refreshToken);
      await expectRefused(user.refreshToken);
      await expectOut(service.anonymous.as(third.accessToken), third.refreshToken);
      await expectRefused(second.refreshToken);
      expect((await rowOf(id)).ended_at).not.toBeNull();
    });

    it('that is stolen ends no session but its own', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      await expectRefreshed(user.refreshToken);
      pass(11 * SECOND_MS);
      await expectRefused(user.refreshToken);
      await expectIn(phone);
      await expectRefreshed(phone.refreshToken);
    });

    it('with a bit of any byte flipped is refused, and nobody’s session ends', async () => {
      const [user, other] = [await service.user(), await service.user()];
      const ids = await Promise.all([user, other].map(idOf));
      const before = await Promise.all(ids.map(rowOf));
      const bytes = Buffer.from(user.refreshToken!, 'base64url');
      const flipped = Array.from(bytes, (_, index) => {
        const copy = Buffer.from(bytes);
        copy[index]! ^= 1 << (index % 8);
        return copy.toString('base64url');
      });
      const answers = await Promise.all(flipped.map((token) => refresh(token)));
      expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual(
        answers.map(() => '401 invalid_refresh_token'),
      );
      expect(await Promise.all(ids.map(rowOf))).toEqual(before);
      await expectIn(user);
      await expectRefreshed(user.refreshToken);
    });

    it('that names another session is refused, and nobody’s session ends', async () => {
      const [thief, victim] = [await service.user(), await service.user()];
      const ids = await Promise.all([thief, victim].map(idOf));
      const before = await Promise.all(ids.map(rowOf));
      const own = Buffer.from(thief.refreshToken!, 'base64url');
      for (const generation of [0, 1, 2, 2 ** 32 - 1]) {
        const forged = Buffer.from(own);
        forged.writeUInt32BE(ids[1]!, 0);
        forged.writeUInt32BE(generation, 4);
        await expectRefused(forged.toString('base64url'));
      }
      // of no session at all
      for (const id of [0, 2 ** 31 - 1, 2 ** 32 - 1]) {
        const forged = Buffer.from(own);
        forged.writeUInt32BE(id, 0);
        await expectRefused(forged.toString('base64url'));
      }
      expect(await Promise.all(ids.map(rowOf))).toEqual(before);
      await expectIn(victim);
      await expectRefreshed(victim.refreshToken);
      await expectRefreshed(thief.refreshToken);
    });

    it('that is garbage is refused', async () => {
      const user = await service.user();
      const token = user.refreshToken!;
      const garbage = [
        'x',
        ' ',
        '0',
        'null',
        '../../etc/passwd',
        `' OR 1=1--`,
        'é'.repeat(100),
        `${token} `,
        ` ${token}`,
        `${token}=`,
        `${token}AAAA`,
        token.slice(0, -1),
        token.slice(4),
        token + token,
        token.replaceAll(/[-_]/g, (letter) => (letter === '-' ? '+' : '/')) + '!',
        Buffer.from(token, 'base64url').toString('hex'),
        Buffer.alloc(40).toString('base64url'),
        user.accessToken!,
      ];
      const answers = await Promise.all(garbage.map((text) => refresh(text)));
      expect(answers.map(({ status, body }, index) => [garbage[index], status, body.code])).toEqual(
        garbage.map((text) => [text, 401, 'invalid_refresh_token']),
      );
      await expectIn(user);
      await expectRefreshed(token);
    });

    it.each([
      ['an empty text', ''],
      ['null', null],
      ['a number', 7],
      ['an object', {}],
      ['a list', ['x']],
      ['true', true],
    ])('that is %s is no valid request', async (_, value) => {
      const { status, body } = await refresh(value);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/refreshToken' }] });
    });

    it('is no access token', async () => {
      const user = await service.user();
      const { status, body } = await service.anonymous.as(user.refreshToken).get('/me');
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
    });
  });

  describe('a session', () => {
    it('ends after 14 days without a refresh', async () => {
      const user = await service.user();
      const id = await idOf(user);
      pass(14 * DAY_MS - SECOND_MS);
      const { refreshToken, accessToken } = await expectRefreshed(user.refreshToken);
      await expectIn(service.anonymous.as(accessToken));
      pass(14 * DAY_MS);
      await expectRefused(refreshToken);
      const back = await service.anonymous.signIn(user.email, user.password);
      const { body } = await back.get('/me/sessions');
      expect(body.data.map((session: { id: number }) => session.id)).not.toContain(id);
    });

    it('ends after 30 days, however busy it is', async () => {
      const user = await service.user();
      let { refreshToken, refreshExpiresIn } = await expectRefreshed(user.refreshToken);
      expect(Math.abs(refreshExpiresIn - (14 * DAY_MS) / 1000)).toBeLessThan(30);
      for (const days of [10, 10]) {
        pass(days * DAY_MS);
        ({ refreshToken, refreshExpiresIn } = await expectRefreshed(refreshToken));
      }
      // what is left of the 30 days, not 14 more
      expect(Math.abs(refreshExpiresIn - (10 * DAY_MS) / 1000)).toBeLessThan(30);
      pass(10 * DAY_MS - 60 * SECOND_MS);
      const last = await expectRefreshed(refreshToken);
      expect(last.refreshExpiresIn).toBeLessThanOrEqual(60);
      await expectIn(service.anonymous.as(last.accessToken));
      pass(60 * SECOND_MS);
      await expectOut(service.anonymous.as(last.accessToken), last.refreshToken);
    });

    it('ends at once when its user signs out, on another instance too', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const id = await idOf(user);
      await expectIn(user, another);
      expect((await user.post('/logout')).status).toBe(204);
      await expectOut(user);
      await expectRefused(user.refreshToken, another);
      expect((await rowOf(id)).ended_at).not.toBeNull();
      await expectIn(phone, another);
      await expectRefreshed(phone.refreshToken);
    });

    it('that has ended stays so: signing out again is 401', async () => {
      const user = await service.user();
      const id = await idOf(user);
      expect((await user.post('/logout')).status).toBe(204);
      const ended = await rowOf(id);
      const { status, body } = await user.post('/logout');
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
      expect(await rowOf(id)).toEqual(ended);
    });

    it('that is refreshed while it is signed out is out all the same', async () => {
      for (let round = 0; round < 5; round++) {
        const user = await service.user();
        const [{ status }, refreshed] = await Promise.all([user.post('/logout'), refresh(user.refreshToken, another)]);
        expect(status).toBe(204);
        expect([200, 401]).toContain(refreshed.status);
        if (refreshed.status === 200)
          await expectOut(service.anonymous.as(refreshed.body.accessToken), refreshed.body.refreshToken);
        await expectOut(user);
      }
    });

    it('ends when its user is deleted, and does not come back with the user', async () => {
      const user = await service.user();
      expect((await service.admin.delete(`/users/${user.id}`)).status).toBe(204);
      await expectOut(user);
      await expectRefused(user.refreshToken, another);
      expect((await service.admin.post(`/users/${user.id}/restore`)).status).toBe(200);
      await expectOut(user);
      await expectIn(await service.anonymous.signIn(user.email, user.password));
    });

    it('ends when an admin signs the user out everywhere', async () => {
      const user = await service.user();
      const phone = await another.anonymous.signIn(user.email, user.password);
      const { status } = await service.admin.delete(`/users/${user.id}/sessions`);
      expect(status).toBe(204);
      await expectOut(user);
      await expectOut(phone);
      expect((await service.admin.delete('/users/2147483647/sessions')).body.code).toBe('user_not_found');
      const back = await service.anonymous.signIn(user.email, user.password);
      await expectIn(back, another);
      const { body } = await back.get('/me/sessions');
      expect(body.data).toHaveLength(1);
    });
  });

  describe('the list of sessions', () => {
    it('has one’s own that are alive, the newest first', async () => {
      const user = await service.user();
      const elsewhere = await service.user();
      const { body: tokens } = await service.anonymous.post(
        '/login',
        { email: user.email, password: user.password },
        { headers: { 'user-agent': 'A phone/1.0', 'x-forwarded-for': '203.0.113.7' } },
      );
      const phone = service.anonymous.as(tokens.accessToken);
      const ended = await service.anonymous.signIn(user.email, user.password);
      await ended.post('/logout');
      const { status, body } = await user.get('/me/sessions');
      expect(status).toBe(200);
      expect(body).toMatchObject({
        data: [
          { id: await idOf(phone), current: false, userAgent: 'A phone/1.0', ipAddress: '203.0.113.7' },
          { id: await idOf(user), current: true },
        ],
        page: { next: null },
      });
      expect(body.data).toHaveLength(2);
      expect(body.data.map(({ id }: { id: number }) => id)).not.toContain(await idOf(elsewhere));
      const { createdAt, expiresAt } = body.data[0];
      expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(30 * DAY_MS);
    });

    it('is paged', async () => {
      const user = await service.user();
      await service.anonymous.signIn(user.email, user.password);
      await service.anonymous.signIn(user.email, user.password);
      const all = (await user.get('/me/sessions')).body.data;
      expect(all).toHaveLength(3);
      const first = await user.get('/me/sessions?limit=2');
      expect(first.body.data).toEqual(all.slice(0, 2));
      const { next } = first.body.page;
      expect(first.headers.get('link')).toBe(`</me/sessions?limit=2&cursor=${next}>; rel="next"`);
      const second = await user.get(`/me/sessions?limit=2&cursor=${next}`);
      expect(second.body).toEqual({ data: all.slice(2), page: { next: null } });
    });

    it.each([
      'limit=0',
      'limit=201',
      'limit=abc',
      'limit=1e2',
      'cursor=abc',
      'cursor=-1',
      'userId=1',
      'limit=1&limit=2',
    ])('refuses ?%s', async (query) => {
      const { status, body } = await service.admin.get(`/me/sessions?${query}`);
      expect([status, body.code]).toEqual([400, 'invalid_request']);
    });

    it('lets users end their own, at once and on another instance too', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const id = await idOf(phone);
      expect((await user.delete(`/me/sessions/${id}`)).status).toBe(204);
      await expectOut(phone);
      await expectIn(user);
      const { body } = await user.get('/me/sessions');
      expect(body.data.map((session: { id: number }) => session.id)).toEqual([await idOf(user)]);
      const again = await user.delete(`/me/sessions/${id}`);
      expect([again.status, again.body.code]).toEqual([404, 'session_not_found']);
    });

    it('lets nobody end those of others, not even an admin', async () => {
      const [user, other] = [await service.user(), await service.user()];
      const id = await idOf(user);
      const before = await rowOf(id);
      for (const client of [other, service.admin]) {
        const { status, body } = await client.delete(`/me/sessions/${id}`);
        expect([status, body.code]).toEqual([404, 'session_not_found']);
      }
      expect(await rowOf(id)).toEqual(before);
      await expectIn(user);
    });

    it('refuses ids that are none', async () => {
      for (const id of ['0', '-1', '2147483648', '9007199254740993', '1e3', '0x10', '7.0', '+7', '%207', 'abc']) {
        const { status, body } = await service.admin.delete(`/me/sessions/${id}`);
        expect([id, status, body.code]).toEqual([id, 400, 'invalid_request']);
      }
    });
  });

  describe('changing the password', () => {
    const hashOf = async (id: number) =>
      (await service.dataSource.query<any[]>('SELECT password_hash, version FROM users WHERE id = ?', [id]))[0];

    it('ends the other sessions and keeps this one', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const before = await hashOf(user.id);
      const newPassword = 'another battery staple';
      const { status } = await user.put('/me/password', { currentPassword: user.password, newPassword });
      expect(status).toBe(204);
      await expectOut(phone);
      await expectIn(user, service);
      await expectIn(user, another);
      const { accessToken } = await expectRefreshed(user.refreshToken);
      await expectIn(service.anonymous.as(accessToken));
      expect((await user.get('/me/sessions')).body.data).toHaveLength(1);
      const after = await hashOf(user.id);
      expect(after.password_hash).toMatch(/^\$argon2id\$/);
      expect(after.password_hash).not.toBe(before.password_hash);
      expect(after.version).toBe(before.version + 1);
      const old = await service.anonymous.post('/login', { email: user.email, password: user.password });
      expect([old.status, old.body.code]).toEqual([401, 'invalid_credentials']);
      await service.anonymous.signIn(user.email, newPassword);
    });

    it('with a wrong current password changes nothing', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const before = await hashOf(user.id);
      const newPassword = 'another battery staple';
      const { status, body } = await user.put('/me/password', { currentPassword: 'not the password', newPassword });
      expect([status, body.code]).toEqual([400, 'wrong_password']);
      expect(await hashOf(user.id)).toEqual(before);
      await expectIn(phone);
      await service.anonymous.signIn(user.email, user.password);
    });

    it.each([
      ['one of 7 characters', 'battery'],
      ['one of 129 characters', 'p'.repeat(129)],
      ['an empty one', ''],
      ['none', undefined],
      ['a number', 12345678],
      ['one with a NUL', 'battery\0staple'],
    ])('refuses %s', async (_, newPassword) => {
      const user = await service.user();
      const before = await hashOf(user.id);
      const { status, body } = await user.put('/me/password', { currentPassword: user.password, newPassword });
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/newPassword' }] });
      expect(await hashOf(user.id)).toEqual(before);
    });

    it('twice at once lets only one of them through', async () => {
      const user = await service.user();
      const change = (newPassword: string) => user.put('/me/password', { currentPassword: user.password, newPassword });
      const passwords = ['the first of the two', 'the second of the two'];
      const answers = await Promise.all(passwords.map(change));
      const succeeded = answers.findIndex(({ status }) => status === 204);
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
      // too late for the password, or already for the session
      expect(['wrong_password', 'unauthenticated']).toContain(answers[1 - succeeded]!.body.code);
      await service.anonymous.signIn(user.email, passwords[succeeded]!);
      expect((await hashOf(user.id)).version).toBe(2);
    });
  });

  it('leaves no token in the database', async () => {
    const user = await service.user();
    const { accessToken, refreshToken } = await expectRefreshed(user.refreshToken);
    const { body: invited } = await service.admin.post('/users', {
      email: `invited-${user.id}@example.com`,
      name: 'Ana',
      surname: 'de la Cruz',
    });
    const { body: reset } = await service.admin.post(`/users/${user.id}/password-reset`, undefined, {
      headers: { 'idempotency-key': `reset-${user.id}` },
    });
    const tables = service.dataSource.entityMetadatas.map(({ tableName }) => tableName);
    expect(tables).toEqual(expect.arrayContaining(['users', 'sessions', 'history', 'idempotency_records']));
    const rows = await Promise.all(tables.map((table) => service.dataSource.query(`SELECT * FROM ${table}`)));
    const dump = JSON.stringify(rows);
    expect(dump).toContain(user.email);
    const tokens = [
      user.accessToken!,
      user.refreshToken!,
      accessToken,
      refreshToken,
      invited.invitation.token,
      reset.token,
    ];
    for (const token of tokens) {
      expect(token.length).toBeGreaterThan(40);
      const bytes = Buffer.from(token.split('.').at(-1), 'base64url');
      // neither as it is, nor what makes it worth something in another notation
      for (const text of [
        token,
        token.split('.').at(-1)!,
        bytes.subarray(-32).toString('hex'),
        bytes.toString('base64'),
      ])
        expect(dump.includes(text)).toBe(false);
    }
  });
});
