import { type Answer, at } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { refusalOf } from './support/refusals.js';
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
      const { crm } = service.admin;
      expect((await crm.GET('/users/{id}', at(user.id))).data).toEqual(user);
      const found = await crm.GET('/users', { params: { query: { email: user.email.toUpperCase() } } });
      expect(found.data).toEqual({ data: [user], page: { next: null } });
      const { data, response } = await crm.GET('/users', { params: { query: { limit: 1 } } });
      expect(data.data[0]!.id).toBeGreaterThanOrEqual(user.id);
      expect(response.headers.get('link')).toContain('rel="next"');
    });

    it('changes name, surname and e-mail', async () => {
      const user = await service.user();
      const email = newUser().email;
      const changes = { name: 'Bea', email: email.toUpperCase() };
      const { data, response } = await service.admin.crm.PATCH('/users/{id}', { ...at(user.id), body: changes });
      expect(response.status).toBe(200);
      expect(data).toMatchObject({ id: user.id, name: 'Bea', surname: 'Müller', email, version: 2, lastModifiedBy: 1 });
      expect(response.headers.get('etag')).toBe('"v2"');
      expect(await rowOf(user.id)).toMatchObject({ name: 'Bea', email, version: 2 });
      expect((await login({ email, password: user.password })).status).toBe(200);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
    });

    it('creates no version for a change without effect', async () => {
      const { id, email } = await create();
      const row = await rowOf(id);
      for (const changes of [{}, { name: 'Ben' }, { email: email.toUpperCase() }]) {
        const { data, response } = await service.admin.crm.PATCH('/users/{id}', { ...at(id), body: changes });
        expect([response.status, data.version]).toEqual([200, 1]);
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
      const body = { email: other.email.toUpperCase() };
      const refusal = await refusalOf(service.admin.crm.PATCH('/users/{id}', { ...at(user.id), body }));
      expect(failure(refusal)).toEqual([409, 'email_taken']);
      expect(await rowOf(user.id)).toEqual(row);
      expect(await historyRowsOf(user.id)).toHaveLength(1);
    });

    it('deletes a user, whose sessions end on every instance with the next request', async () => {
      const user = await service.user();
      const { crm } = service.admin;
      const { data, response } = await crm.DELETE('/users/{id}', at(user.id));
      expect([response.status, data]).toEqual([204, undefined]);
      await expectSignedOut(user);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
      expect(await rowOf(user.id)).toMatchObject({ is_deleted: 1, version: 2, modified_by: 1 });
      expect((await rowOf(user.id)).deleted_at).not.toBeNull();
      for (const request of [
        () => crm.GET('/users/{id}', at(user.id)),
        () => crm.PATCH('/users/{id}', { ...at(user.id), body: { name: 'Bea' } }),
        () => crm.PUT('/users/{id}/role', { ...at(user.id), body: { role: 'admin' } }),
        () => crm.DELETE('/users/{id}', at(user.id)),
      ])
        expect(failure(await refusalOf(request()))).toEqual([404, 'user_not_found']);
      expect((await rowOf(user.id)).version).toBe(2);
      const { email } = user;
      const list = async (deleted?: boolean) =>
        (await crm.GET('/users', { params: { query: { email, deleted } } })).data.data;
      expect(await list()).toEqual([]);
      expect(await list(true)).toMatchObject([{ id: user.id }]);
    });

    it('restores a user, who can sign in again', async () => {
      const user = await service.user();
      await service.admin.crm.DELETE('/users/{id}', at(user.id));
      const { data, response } = await service.admin.crm.POST('/users/{id}/restore', at(user.id));
      expect(response.status).toBe(200);
      expect(data).toMatchObject({ id: user.id, deletedAt: null, version: 3 });
      expect(response.headers.get('etag')).toBe('"v3"');
      expect(await rowOf(user.id)).toMatchObject({ is_deleted: 0, deleted_at: null, version: 3 });
      expect((await login(user)).status).toBe(200);
      await expectSignedOut(user);
    });

    it('refuses to restore a user whose e-mail is taken', async () => {
      const user = await create();
      await service.admin.crm.DELETE('/users/{id}', at(user.id));
      const other = await create({ email: user.email.toUpperCase() });
      const row = await rowOf(user.id);
      const refusal = await refusalOf(service.admin.crm.POST('/users/{id}/restore', at(user.id)));
      expect(failure(refusal)).toEqual([409, 'email_taken']);
      expect(await rowOf(user.id)).toEqual(row);
      expect((await service.anonymous.post('/login', { email: user.email, password: other.password })).status).toBe(
        200,
      );
    });

    it('returns 404 for an unknown user', async () => {
      const { crm } = service.admin;
      for (const request of [
        () => crm.GET('/users/{id}', at(UNKNOWN_ID)),
        () => crm.PATCH('/users/{id}', { ...at(UNKNOWN_ID), body: { name: 'Bea' } }),
        () => crm.DELETE('/users/{id}', at(UNKNOWN_ID)),
        () => crm.POST('/users/{id}/restore', at(UNKNOWN_ID)),
        () => crm.GET('/users/{id}/history', at(UNKNOWN_ID)),
        () => crm.PUT('/users/{id}/role', { ...at(UNKNOWN_ID), body: { role: 'admin' } }),
      ])
        expect(failure(await refusalOf(request()))).toEqual([404, 'user_not_found']);
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
    await collect(await redeem(invited.invitation!.token, 'a new password'));
    await collect(await service.admin.get(`/users/${invited.id}/history`));
    const all = texts.join('\n');
    expect(all).toContain('password_changed');
    expect(all).not.toMatch(/argon2|hash|epoch|salt|token/i);
    expect(secrets.size).toBeGreaterThanOrEqual(4);
    for (const secret of [...secrets, reset.token, invited.invitation!.token]) expect(all).not.toContain(secret);
    // The stored history contains none of them either.
    const rows = JSON.stringify([...(await historyRowsOf(user.id)), ...(await historyRowsOf(invited.id))]);
    expect(rows).not.toMatch(/argon2|epoch|token/i);
  });
});
