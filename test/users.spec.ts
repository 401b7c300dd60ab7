import type { Answer } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { newUser, startService, type TestService } from './support/service.js';
import { createUserActions, failure, UNKNOWN_ID } from './support/users.js';

onEveryDatabase((kind) => {
  let service: TestService;
  /** Another instance on the same database. */
  let another: TestService;

  beforeAll(async () => {
    service = await startService(kind);
    another = await startService(kind, { beside: service });
  });
  afterAll(async () => {
    await another.close();
    await service.close();
  });

  const { create, rowOf, historyRowsOf, redeem, login, expectSignedOut } = createUserActions(() => [service, another]);

  describe('managing users', () => {
    it('gets and lists users', async () => {
      const { password: _, ...user } = await create();
      expect((await service.admin.get(`/users/${user.id}`)).body).toEqual(user);
      expect((await service.admin.get(`/users?email=${encodeURIComponent(user.email.toUpperCase())}`)).body).toEqual({
        data: [user],
        page: { next: null },
      });
      const page = await service.admin.get('/users?limit=1');
      expect(page.body.data[0].id).toBeGreaterThanOrEqual(user.id);
      expect(page.headers.get('link')).toContain('rel="next"');
    });

    it('changes name, surname and e-mail', async () => {
      const user = await service.user();
      const email = newUser().email;
      const changes = { name: 'Bea', email: email.toUpperCase() };
      const { status, body, headers } = await service.admin.patch(`/users/${user.id}`, changes);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: user.id, name: 'Bea', surname: 'Müller', email, version: 2, lastModifiedBy: 1 });
      expect(headers.get('etag')).toBe('"v2"');
      expect(await rowOf(user.id)).toMatchObject({ name: 'Bea', email, version: 2 });
      expect((await login({ email, password: user.password })).status).toBe(200);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
    });

    it('creates no version for a change without effect', async () => {
      const { id, email } = await create();
      const row = await rowOf(id);
      for (const changes of [{}, { name: 'Ben' }, { email: email.toUpperCase() }]) {
        const { status, body } = await service.admin.patch(`/users/${id}`, changes);
        expect([status, body.version]).toEqual([200, 1]);
      }
      expect(await rowOf(id)).toEqual(row);
    });

    it.each([
      ['role', 'admin'],
      ['id', 7],
      ['createdBy', 7],
      ['version', 7],
      ['passwordHash', 'x'],
      ['password', 'battery staple'],
      ['isAdmin', true],
      ['admin', true],
      ['sessionEpoch', 7],
      ['roleGrantedBy', 7],
      ['deletedAt', null],
      ['liveEmail', 'x@example.com'],
      ['__proto__', { isAdmin: true }],
      ['constructor', { isAdmin: true }],
    ])('refuses to change %s by PATCH', async (member, value) => {
      const { id } = await create();
      const row = await rowOf(id);
      const { body: shown } = await service.admin.get(`/users/${id}`);
      const text = `{ "name": "Bea", "${member}": ${JSON.stringify(value)} }`;
      const { status, body } = await service.admin.patch(`/users/${id}`, text);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: `/${member}`, code: Object.hasOwn(shown, member) ? 'read_only' : 'unknown_member' }],
      });
      expect(await rowOf(id)).toEqual(row);
    });

    it('refuses to clear required fields', async () => {
      const { id } = await create();
      const row = await rowOf(id);
      for (const member of ['name', 'surname', 'email']) {
        const { status, body } = await service.admin.patch(`/users/${id}`, { [member]: null });
        expect(status).toBe(400);
        expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: `/${member}` }] });
      }
      expect(await rowOf(id)).toEqual(row);
    });

    it('refuses the e-mail of another user', async () => {
      const [user, other] = [await create(), await create()];
      const row = await rowOf(user.id);
      const response = await service.admin.patch(`/users/${user.id}`, { email: other.email.toUpperCase() });
      expect(failure(response)).toEqual([409, 'email_taken']);
      expect(await rowOf(user.id)).toEqual(row);
      expect(await historyRowsOf(user.id)).toHaveLength(1);
    });

    it('deletes a user, whose sessions end on every instance with the next request', async () => {
      const user = await service.user();
      const { status, body } = await service.admin.delete(`/users/${user.id}`);
      expect([status, body]).toEqual([204, '']);
      await expectSignedOut(user);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
      expect(await rowOf(user.id)).toMatchObject({ is_deleted: 1, version: 2, modified_by: 1 });
      expect((await rowOf(user.id)).deleted_at).not.toBeNull();
      for (const response of [
        await service.admin.get(`/users/${user.id}`),
        await service.admin.patch(`/users/${user.id}`, { name: 'Bea' }),
        await service.admin.put(`/users/${user.id}/role`, { role: 'admin' }),
        await service.admin.delete(`/users/${user.id}`),
      ])
        expect(failure(response)).toEqual([404, 'user_not_found']);
      expect((await rowOf(user.id)).version).toBe(2);
      const email = encodeURIComponent(user.email);
      expect((await service.admin.get(`/users?email=${email}`)).body.data).toEqual([]);
      expect((await service.admin.get(`/users?deleted=true&email=${email}`)).body.data).toMatchObject([
        { id: user.id },
      ]);
    });

    it('restores a user, who can sign in again', async () => {
      const user = await service.user();
      await service.admin.delete(`/users/${user.id}`);
      const { status, body, headers } = await service.admin.post(`/users/${user.id}/restore`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: user.id, deletedAt: null, version: 3 });
      expect(headers.get('etag')).toBe('"v3"');
      expect(await rowOf(user.id)).toMatchObject({ is_deleted: 0, deleted_at: null, version: 3 });
      expect((await login(user)).status).toBe(200);
      await expectSignedOut(user);
    });

    it('refuses to restore a user whose e-mail is taken', async () => {
      const user = await create();
      await service.admin.delete(`/users/${user.id}`);
      const other = await create({ email: user.email.toUpperCase() });
      const row = await rowOf(user.id);
      expect(failure(await service.admin.post(`/users/${user.id}/restore`))).toEqual([409, 'email_taken']);
      expect(await rowOf(user.id)).toEqual(row);
      expect((await service.anonymous.post('/login', { email: user.email, password: other.password })).status).toBe(
        200,
      );
    });

    it('returns 404 for an unknown user', async () => {
      for (const response of [
        await service.admin.get(`/users/${UNKNOWN_ID}`),
        await service.admin.patch(`/users/${UNKNOWN_ID}`, { name: 'Bea' }),
        await service.admin.delete(`/users/${UNKNOWN_ID}`),
        await service.admin.post(`/users/${UNKNOWN_ID}/restore`),
        await service.admin.get(`/users/${UNKNOWN_ID}/history`),
        await service.admin.put(`/users/${UNKNOWN_ID}/role`, { role: 'admin' }),
      ])
        expect(failure(response)).toEqual([404, 'user_not_found']);
    });

    it.each([
      '0',
      '-1',
      '2147483648',
      '9007199254740993',
      '1e0',
      '0x1',
      '1.0',
      '+1',
      '%201',
      '01',
      '1abc',
      'abc',
      'null',
    ])('refuses the id %s', async (id) => {
      const row = await rowOf(1);
      for (const response of [
        await service.admin.get(`/users/${id}`),
        await service.admin.patch(`/users/${id}`, { name: 'Bea' }),
        await service.admin.get(`/users/${id}/history`),
      ])
        expect(failure(response)).toEqual([400, 'invalid_request']);
      expect(await rowOf(1)).toEqual(row);
    });
  });

  it('contains no hash, token or epoch in any response or history entry', async () => {
    const user = await service.user();
    const invited = await create({ password: undefined });
    const texts: string[] = [];
    const path = `/users/${user.id}`;
    const secrets = new Set<string>();
    const collect = async (response: Answer) => {
      texts.push(JSON.stringify(response.body));
      for (const id of [user.id, invited.id]) {
        const row = await rowOf(id);
        for (const secret of [row.password_hash, row.password_token_hash]) if (secret) secrets.add(secret);
      }
    };
    await collect(await service.admin.get(path));
    await collect(await service.admin.patch(path, { name: 'Bea' }));
    await collect(await service.admin.put(`${path}/role`, { role: 'admin' }));
    await collect(await service.admin.put(`${path}/role`, { role: 'user' }));
    await collect(await service.admin.delete(`${path}/sessions`));
    // after signing out everywhere, which ends a reset
    const { body: reset } = await service.admin.post(`${path}/password-reset`);
    await collect(await redeem(reset.token, 'a new password'));
    const back = await service.anonymous.signIn(user.email, 'a new password');
    await collect(await back.get('/me'));
    await collect(await back.patch('/me', { name: 'Cem' }));
    await collect(await back.get('/me/sessions'));
    await collect(await service.admin.delete(path));
    await collect(await service.admin.post(`${path}/restore`));
    await collect(await service.admin.get('/users?limit=200'));
    await collect(await service.admin.get(`${path}/history`));
    await collect(await service.admin.get(`/users/${invited.id}`));
    await collect(await redeem(invited.invitation.token, 'a new password'));
    await collect(await service.admin.get(`/users/${invited.id}/history`));
    const all = texts.join('\n');
    expect(all).toContain('password_changed');
    expect(all).not.toMatch(/argon2|hash|epoch|salt|token/i);
    expect(secrets.size).toBeGreaterThanOrEqual(4);
    for (const secret of [...secrets, reset.token, invited.invitation.token]) expect(all).not.toContain(secret);
    // The stored history contains none of them either.
    const rows = JSON.stringify([...(await historyRowsOf(user.id)), ...(await historyRowsOf(invited.id))]);
    expect(rows).not.toMatch(/argon2|epoch|token/i);
  });
});
