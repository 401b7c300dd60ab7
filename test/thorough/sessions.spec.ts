import { SessionsService } from '../../src/auth/sessions.service.js';
import { at } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { refusalOf } from '../support/refusals.js';
import { startService, type TestService, unique } from '../support/service.js';
import { createSessionActions } from '../support/sessions.js';

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

  const { refresh, idOf, rowOf, expectSignedIn, expectSignedOut, expectRefused, expectRefreshed } =
    createSessionActions(() => [service, another]);

  describe('a session', () => {
    it('ends after 14 days without a refresh', async () => {
      const user = await service.user();
      const id = await idOf(user);
      service.clock.forward(14 * DAY_MS - SECOND_MS);
      const { refreshToken, accessToken } = await expectRefreshed(user.refreshToken);
      await expectSignedIn(service.anonymous.as(accessToken));
      service.clock.forward(14 * DAY_MS);
      await expectRefused(refreshToken);
      const back = await service.anonymous.signIn(user.email, user.password);
      const { data } = await back.crm.GET('/me/sessions');
      expect(data.data.map((session) => session.id)).not.toContain(id);
    });

    it('ends after 30 days even if it is refreshed', async () => {
      const user = await service.user();
      let { refreshToken, refreshExpiresIn } = await expectRefreshed(user.refreshToken);
      expect(Math.abs(refreshExpiresIn - (14 * DAY_MS) / 1000)).toBeLessThan(30);
      for (const days of [10, 10]) {
        service.clock.forward(days * DAY_MS);
        ({ refreshToken, refreshExpiresIn } = await expectRefreshed(refreshToken));
      }
      // The rest of the 30 days, not another 14.
      expect(Math.abs(refreshExpiresIn - (10 * DAY_MS) / 1000)).toBeLessThan(30);
      service.clock.forward(10 * DAY_MS - 60 * SECOND_MS);
      const last = await expectRefreshed(refreshToken);
      expect(last.refreshExpiresIn).toBeLessThanOrEqual(60);
      await expectSignedIn(service.anonymous.as(last.accessToken));
      service.clock.forward(60 * SECOND_MS);
      await expectSignedOut(service.anonymous.as(last.accessToken), last.refreshToken);
    });

    it('ends on every instance when its user signs out', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const id = await idOf(user);
      await expectSignedIn(user, another);
      await user.crm.signOut();
      expect(user.crm.isSignedIn).toBe(false);
      await expectSignedOut(user);
      await expectRefused(user.refreshToken, another);
      expect((await rowOf(id)).ended_at).not.toBeNull();
      await expectSignedIn(phone, another);
      await expectRefreshed(phone.refreshToken);
    });

    it('stays ended: signing out again returns 401', async () => {
      const user = await service.user();
      const id = await idOf(user);
      expect((await user.post('/logout')).status).toBe(204);
      const ended = await rowOf(id);
      const { status, body } = await user.post('/logout');
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
      expect(await rowOf(id)).toEqual(ended);
    });

    it('stays ended when a refresh races with sign-out', async () => {
      for (let round = 0; round < 5; round++) {
        const user = await service.user();
        const [{ status }, refreshed] = await Promise.all([user.post('/logout'), refresh(user.refreshToken, another)]);
        expect(status).toBe(204);
        expect([200, 401]).toContain(refreshed.status);
        if (refreshed.status === 200)
          await expectSignedOut(service.anonymous.as(refreshed.body.accessToken), refreshed.body.refreshToken);
        await expectSignedOut(user);
      }
    });

    it('ends when its user is deleted, and stays ended after a restore', async () => {
      const user = await service.user();
      await service.admin.crm.DELETE('/users/{id}', at(user.id));
      await expectSignedOut(user);
      await expectRefused(user.refreshToken, another);
      await service.admin.crm.POST('/users/{id}/restore', at(user.id));
      await expectSignedOut(user);
      await expectSignedIn(await service.anonymous.signIn(user.email, user.password));
    });

    it('ends when an admin ends all sessions of the user', async () => {
      const user = await service.user();
      const phone = await another.anonymous.signIn(user.email, user.password);
      const { response } = await service.admin.crm.DELETE('/users/{id}/sessions', at(user.id));
      expect(response.status).toBe(204);
      await expectSignedOut(user);
      await expectSignedOut(phone);
      const unknown = await refusalOf(service.admin.crm.DELETE('/users/{id}/sessions', at(2147483647)));
      expect(unknown.code).toBe('user_not_found');
      const back = await service.anonymous.signIn(user.email, user.password);
      await expectSignedIn(back, another);
      expect((await back.crm.GET('/me/sessions')).data.data).toHaveLength(1);
    });
  });

  describe('the sessions of a user', () => {
    const start = (userId: number, at: TestService) =>
      at.app.get(SessionsService).start(userId, 1, { ipAddress: '127.0.0.1', userAgent: null, requestId: '' });

    const countActive = async (id: number): Promise<number> => {
      const sql = 'SELECT COUNT(*) AS n FROM sessions WHERE user_id = ? AND ended_at IS NULL';
      return Number((await service.dataSource.query<[{ n: number }]>(sql, [id]))[0].n);
    };

    it('are 100 at most: the oldest one ends when another one starts', async () => {
      const user = await service.user();
      const second = await start(user.id, another);
      const other = await service.user();
      for (let count = 2; count < 100; count++) await start(user.id, service);
      await expectSignedIn(user);
      const newest = await service.anonymous.signIn(user.email, user.password);
      await expectSignedOut(user);
      expect((await rowOf(second.id)).ended_at).toBeNull();
      expect(await countActive(user.id)).toBe(100);
      await expectSignedIn(newest, another);
      await expectSignedIn(other);
    });

    it('are counted without those that have ended', async () => {
      const user = await service.user();
      for (let count = 0; count < 120; count++) {
        const { id } = await start(user.id, service);
        await service.app.get(SessionsService).end(id);
      }
      await expectSignedIn(user);
    });

    it('are 100 at most even if many start at the same time on several instances', async () => {
      const user = await service.user();
      await Promise.all(Array.from({ length: 130 }, (_, index) => start(user.id, index % 2 ? service : another)));
      expect(await countActive(user.id)).toBe(100);
      await expectSignedOut(user);
    });
  });

  describe('the list of sessions', () => {
    it('contains the own active sessions, newest first', async () => {
      const user = await service.user();
      const elsewhere = await service.user();
      const { body: tokens } = await service.anonymous.post(
        '/login',
        { email: user.email, password: user.password },
        { headers: { 'user-agent': 'A phone/1.0', 'x-forwarded-for': '203.0.113.7' } },
      );
      const phone = service.anonymous.as(tokens.accessToken);
      const ended = await service.anonymous.signIn(user.email, user.password);
      await ended.crm.signOut();
      const { data, response } = await user.crm.GET('/me/sessions');
      expect(response.status).toBe(200);
      expect(data).toMatchObject({
        data: [
          { id: await idOf(phone), current: false, userAgent: 'A phone/1.0', ipAddress: '203.0.113.7' },
          { id: await idOf(user), current: true },
        ],
        page: { next: null },
      });
      expect(data.data).toHaveLength(2);
      expect(data.data.map(({ id }) => id)).not.toContain(await idOf(elsewhere));
      const { createdAt, expiresAt } = data.data[0]!;
      expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(30 * DAY_MS);
    });

    it('is paged', async () => {
      const user = await service.user();
      await service.anonymous.signIn(user.email, user.password);
      await service.anonymous.signIn(user.email, user.password);
      const all = (await user.crm.GET('/me/sessions')).data.data;
      expect(all).toHaveLength(3);
      const page = (cursor?: string) => user.crm.GET('/me/sessions', { params: { query: { limit: 2, cursor } } });
      const first = await page();
      expect(first.data.data).toEqual(all.slice(0, 2));
      const { next } = first.data.page;
      expect(first.response.headers.get('link')).toBe(`</me/sessions?limit=2&cursor=${next}>; rel="next"`);
      const second = await page(next!);
      expect(second.data).toEqual({ data: all.slice(2), page: { next: null } });
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

    it('lets users end their own sessions, on every instance', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const id = await idOf(phone);
      const { response } = await user.crm.DELETE('/me/sessions/{id}', at(id));
      expect(response.status).toBe(204);
      await expectSignedOut(phone);
      await expectSignedIn(user);
      const { data } = await user.crm.GET('/me/sessions');
      expect(data.data.map((session) => session.id)).toEqual([await idOf(user)]);
      const again = await refusalOf(user.crm.DELETE('/me/sessions/{id}', at(id)));
      expect([again.status, again.code]).toEqual([404, 'session_not_found']);
    });

    it('lets no user end the sessions of others, not even an admin', async () => {
      const [user, other] = [await service.user(), await service.user()];
      const id = await idOf(user);
      const before = await rowOf(id);
      for (const client of [other, service.admin]) {
        const { status, code } = await refusalOf(client.crm.DELETE('/me/sessions/{id}', at(id)));
        expect([status, code]).toEqual([404, 'session_not_found']);
      }
      expect(await rowOf(id)).toEqual(before);
      await expectSignedIn(user);
    });

    it('refuses invalid ids', async () => {
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
      const body = { currentPassword: user.password, newPassword };
      const { response } = await user.crm.PUT('/me/password', { body });
      expect(response.status).toBe(204);
      await expectSignedOut(phone);
      await expectSignedIn(user, service);
      await expectSignedIn(user, another);
      const { accessToken } = await expectRefreshed(user.refreshToken);
      await expectSignedIn(service.anonymous.as(accessToken));
      expect((await user.crm.GET('/me/sessions')).data.data).toHaveLength(1);
      const after = await hashOf(user.id);
      expect(after.password_hash).toMatch(/^\$argon2id\$/);
      expect(after.password_hash).not.toBe(before.password_hash);
      expect(after.version).toBe(before.version + 1);
      const old = await service.anonymous.post('/login', { email: user.email, password: user.password });
      expect([old.status, old.body.code]).toEqual([401, 'invalid_credentials']);
      await service.anonymous.signIn(user.email, newPassword);
    });

    it('changes nothing with a wrong current password', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      const before = await hashOf(user.id);
      const newPassword = 'another battery staple';
      const body = { currentPassword: 'not the password', newPassword };
      const { status, code } = await refusalOf(user.crm.PUT('/me/password', { body }));
      expect([status, code]).toEqual([400, 'wrong_password']);
      expect(await hashOf(user.id)).toEqual(before);
      await expectSignedIn(phone);
      await service.anonymous.signIn(user.email, user.password);
    });

    it.each([
      ['a new password of 7 characters', 'battery'],
      ['a new password of 129 characters', 'p'.repeat(129)],
      ['a common new password', 'Password1'],
      ['an empty new password', ''],
      ['no new password', undefined],
      ['a number as new password', 12345678],
      ['a new password with a NUL', 'battery\0staple'],
    ])('refuses %s', async (_, newPassword) => {
      const user = await service.user();
      const before = await hashOf(user.id);
      const { status, body } = await user.put('/me/password', { currentPassword: user.password, newPassword });
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/newPassword' }] });
      expect(await hashOf(user.id)).toEqual(before);
    });

    it('refuses a new password that is made of the e-mail', async () => {
      const user = await service.user({ email: `wilhelmine-${unique()}x@example.com` });
      const before = await hashOf(user.id);
      for (const newPassword of [user.email, `${user.email.split('@')[0]}99!`, user.email.toUpperCase()]) {
        const { status, body } = await user.put('/me/password', { currentPassword: user.password, newPassword });
        expect([status, body.errors]).toEqual([
          400,
          [expect.objectContaining({ pointer: '/newPassword', code: 'too_common' })],
        ]);
      }
      expect(await hashOf(user.id)).toEqual(before);
    });

    it('allows only one of two concurrent changes', async () => {
      const user = await service.user();
      const change = (newPassword: string) => user.put('/me/password', { currentPassword: user.password, newPassword });
      const passwords = ['the first password', 'the second password'];
      const responses = await Promise.all(passwords.map(change));
      const succeeded = responses.findIndex(({ status }) => status === 204);
      expect(responses.filter(({ status }) => status === 204)).toHaveLength(1);
      // Either the password or the session is no longer valid.
      expect(['wrong_password', 'unauthenticated']).toContain(responses[1 - succeeded]!.body.code);
      await service.anonymous.signIn(user.email, passwords[succeeded]!);
      expect((await hashOf(user.id)).version).toBe(2);
    });
  });
});
