import type { Answer, Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { ADMIN, newUser, startService, type TestService, unique } from './support/service.js';

const HOUR_MS = 60 * 60 * 1_000;
const DAY_MS = 24 * HOUR_MS;
const NOBODY = 2147483647;

interface Account {
  id: number;
  email: string;
  password: string;
  role?: string;
  roleGrantedBy?: number;
}

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

  const on = (instance: TestService, client: Client): Client => instance.anonymous.as(client.accessToken);

  const rowOf = async (id: number) =>
    (await service.dataSource.query<any[]>('SELECT * FROM users WHERE id = ?', [id]))[0];

  const historyRowsOf = (id: number) =>
    service.dataSource.query<any[]>(`SELECT * FROM history WHERE resource = 'user' AND resource_id = ?`, [id]);

  const countUsers = async () =>
    Number((await service.dataSource.query<any[]>('SELECT COUNT(*) AS n FROM users'))[0].n);

  const failure = ({ status, body }: Answer) => [status, body.code];

  async function create(overrides: Record<string, unknown> = {}) {
    const values = newUser(overrides);
    const { status, body } = await service.admin.post('/users', values);
    expect(status).toBe(201);
    return { ...body, password: values.password };
  }

  const redeem = (token: unknown, newPassword: unknown, at = service) =>
    at.anonymous.post('/login/password', { token, newPassword });

  const login = ({ email, password }: { email: string; password: string }) =>
    service.anonymous.post('/login', { email, password });

  async function expectOut(client: Client) {
    for (const instance of [service, another])
      expect(failure(await on(instance, client).get('/me'))).toEqual([401, 'unauthenticated']);
    const refreshed = await service.anonymous.post('/login/refresh', { refreshToken: client.refreshToken });
    expect(failure(refreshed)).toEqual([401, 'invalid_refresh_token']);
  }

  async function createAdmin() {
    const { id, email, password, role, roleGrantedBy } = await create({ role: 'admin' });
    return signedIn({ id, email, password, role, roleGrantedBy });
  }

  const signedIn = async (user: Account): Promise<Client & Account> =>
    Object.assign(await service.anonymous.signIn(user.email, user.password), user);

  describe('creating a user', () => {
    it('answers with the user, the address and the ETag', async () => {
      const values = newUser({ email: `  Carla-${unique()}@Example.COM ` });
      const { status, body, headers } = await service.admin.post('/users', values);
      expect(status).toBe(201);
      expect(headers.get('location')).toBe(`/users/${body.id}`);
      expect(headers.get('etag')).toBe('"v1"');
      const email = values.email.trim().toLowerCase();
      expect(body).toEqual({
        id: expect.any(Number),
        email,
        name: 'Ben',
        surname: 'Müller',
        role: 'user',
        roleGrantedBy: null,
        hasPassword: true,
        identities: [],
        createdBy: 1,
        lastModifiedBy: 1,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        lastModifiedAt: body.createdAt,
        version: 1,
        deletedAt: null,
      });
      expect(await rowOf(body.id)).toMatchObject({ email, admin: 0, created_by: 1, version: 1, is_deleted: 0 });
      expect((await login({ email, password: values.password })).status).toBe(200);
    });

    it('makes an admin if it is told to, and notes who granted it', async () => {
      const admin = await createAdmin();
      expect(admin).toMatchObject({ role: 'admin', roleGrantedBy: 1 });
      expect(await rowOf(admin.id)).toMatchObject({ admin: 1, admin_privileges_by: 1 });
      expect((await admin.get('/users')).status).toBe(200);
    });

    it('keeps the password as argon2id', async () => {
      const { id, password } = await create();
      const { password_hash: hash } = await rowOf(id);
      expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      expect(hash).not.toContain(password);
    });

    it.each([
      'id',
      'createdBy',
      'version',
      'passwordHash',
      'isAdmin',
      'admin',
      'sessionEpoch',
      'deletedAt',
      'identities',
    ])('refuses %s in the body', async (member) => {
      const before = await countUsers();
      const { status, body } = await service.admin.post('/users', { ...newUser(), [member]: 1 });
      expect([status, body.code]).toEqual([400, 'invalid_request']);
      expect(body.errors).toEqual([{ pointer: `/${member}`, code: 'unknown_member', message: 'Unknown member.' }]);
      expect(await countUsers()).toBe(before);
    });

    it.each([
      ['email', undefined],
      ['email', 'no address'],
      ['email', null],
      ['email', { $ne: null }],
      ['name', undefined],
      ['name', ' '],
      ['name', 'n'.repeat(121)],
      ['name', 'two\nlines'],
      ['surname', 7],
      ['role', 'root'],
      ['role', true],
      ['role', ['admin']],
      ['password', '1234567'],
      ['password', 'p'.repeat(129)],
      ['password', 12345678],
    ])('refuses %s as %j', async (member, value) => {
      const before = await countUsers();
      const { status, body } = await service.admin.post('/users', newUser({ [member]: value }));
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: `/${member}` }] });
      expect(await countUsers()).toBe(before);
    });

    it('refuses an e-mail that is taken, whatever its case', async () => {
      const { email } = await create();
      const before = await countUsers();
      for (const same of [email, email.toUpperCase(), ` ${email} `])
        expect(failure(await service.admin.post('/users', newUser({ email: same })))).toEqual([409, 'email_taken']);
      expect(await countUsers()).toBe(before);
    });

    it('takes an e-mail that differs in an accent only', async () => {
      const mark = unique();
      const plain = await create({ email: `jose-${mark}@example.com` });
      const accented = await create({ email: `josé-${mark}@example.com` });
      expect(await rowOf(accented.id)).toMatchObject({ email: `josé-${mark}@example.com` });
      const found = await service.admin.get(`/users?email=jose-${mark}@example.com`);
      expect(found.body.data.map(({ id }: { id: number }) => id)).toEqual([plain.id]);
    });

    it('of 20 at once with the same e-mail makes one', async () => {
      const values = newUser({ password: undefined });
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 ? on(another, service.admin) : service.admin).post('/users', values),
        ),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(19).fill(409)]);
      const rows = await service.dataSource.query<any[]>('SELECT id FROM users WHERE email = ?', [values.email]);
      expect(rows).toHaveLength(1);
    });

    it('with an Idempotency-Key gives the same user and the same invitation again', async () => {
      const values = newUser({ password: undefined });
      const headers = { 'idempotency-key': `create-${unique()}` };
      const first = await service.admin.post('/users', values, { headers });
      const again = await service.admin.post('/users', values, { headers });
      expect([first.status, again.status]).toEqual([201, 201]);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect((await redeem(again.body.invitation.token, 'battery staple')).status).toBe(204);
    });
  });

  describe('an invitation', () => {
    const invite = async () => {
      const user = await create({ password: undefined });
      return user as { id: number; email: string; invitation: { token: string; expiresAt: string } };
    };

    it('comes with a user without a password, who chooses one with it', async () => {
      const { id, email, invitation } = await invite();
      expect(Math.abs(Date.parse(invitation.expiresAt) - Date.now() - 7 * DAY_MS)).toBeLessThan(60_000);
      expect((await service.admin.get(`/users/${id}`)).body).toMatchObject({ hasPassword: false, version: 1 });

      const { status, body } = await redeem(invitation.token, 'my own password');
      expect(status).toBe(204);
      expect(body).toBe('');
      expect((await login({ email, password: 'my own password' })).status).toBe(200);
      expect(await rowOf(id)).toMatchObject({ version: 2, modified_by: id, password_token_hash: null });
      expect((await service.admin.get(`/users/${id}`)).body.hasPassword).toBe(true);
    });

    it('does not come with a user who has a password', async () => {
      expect(await create()).not.toHaveProperty('invitation');
    });

    it('works once', async () => {
      const { id, email, invitation } = await invite();
      expect((await redeem(invitation.token, 'my own password')).status).toBe(204);
      const row = await rowOf(id);
      const again = await redeem(invitation.token, 'the password of a thief');
      expect(failure(again)).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(id)).toEqual(row);
      expect((await login({ email, password: 'my own password' })).status).toBe(200);
    });

    it('works once if it is redeemed by several at once', async () => {
      const { id, email, invitation } = await invite();
      const passwords = ['password of one', 'password of two', 'password of three', 'password of four'];
      const answers = await Promise.all(
        passwords.map((password, index) => redeem(invitation.token, password, index % 2 ? service : another)),
      );
      const winners = passwords.filter((_, index) => answers[index]!.status === 204);
      expect(winners).toHaveLength(1);
      for (const answer of answers)
        if (answer.status !== 204) expect(failure(answer)).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).version).toBe(2);
      expect((await login({ email, password: winners[0]! })).status).toBe(200);
    });

    it('works until seven days have passed', async () => {
      const [early, late] = [await invite(), await invite()];
      const row = await rowOf(late.id);
      pass(7 * DAY_MS - 60_000);
      expect((await redeem(early.invitation.token, 'my own password')).status).toBe(204);
      pass(60_000);
      expect(failure(await redeem(late.invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(late.id)).toEqual(row);
    });

    it('is superseded by a reset', async () => {
      const { id, email, invitation } = await invite();
      const { status, body } = await service.admin.post(`/users/${id}/password-reset`);
      expect(status).toBe(201);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).password_hash).toBeNull();
      expect((await redeem(body.token, 'my own password')).status).toBe(204);
      expect((await login({ email, password: 'my own password' })).status).toBe(200);
    });

    it('is not used up by a password that is refused', async () => {
      const { id, invitation } = await invite();
      const row = await rowOf(id);
      for (const password of ['1234567', 'p'.repeat(129), '', null, 12345678]) {
        const { status, body } = await redeem(invitation.token, password);
        expect(status).toBe(400);
        expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/newPassword' }] });
      }
      expect(await rowOf(id)).toEqual(row);
      expect((await redeem(invitation.token, '12345678')).status).toBe(204);
    });

    it('of a deleted user is void, also after the user is restored', async () => {
      const { id, invitation } = await invite();
      expect((await service.admin.delete(`/users/${id}`)).status).toBe(204);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await service.admin.post(`/users/${id}/restore`)).status).toBe(200);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).password_hash).toBeNull();
    });

    it('that is made up is refused', async () => {
      const { id, invitation } = await invite();
      const row = await rowOf(id);
      const { token } = invitation;
      const forged = [
        token.slice(1),
        `${token}=`,
        ` ${token}`,
        token.toLowerCase(),
        row.password_token_hash,
        'x',
        '%',
        `' OR 1=1--`,
      ];
      for (const text of forged)
        expect([text, ...failure(await redeem(text, 'my own password'))]).toEqual([
          text,
          400,
          'invalid_password_token',
        ]);
      for (const text of ['', null, 0, {}, [], true, [token]])
        expect([text, ...failure(await redeem(text, 'my own password'))]).toEqual([text, 400, 'invalid_request']);
      expect(await rowOf(id)).toEqual(row);
    });
  });

  describe('a password reset', () => {
    it('lets the user choose a new password; the old one works until then', async () => {
      const user = await service.user();
      const { status, body } = await service.admin.post(`/users/${user.id}/password-reset`);
      expect(status).toBe(201);
      expect(Object.keys(body).toSorted()).toEqual(['expiresAt', 'token']);
      expect(Math.abs(Date.parse(body.expiresAt) - Date.now() - DAY_MS)).toBeLessThan(60_000);
      expect((await user.get('/me')).status).toBe(200);
      expect((await login(user)).status).toBe(200);

      expect((await redeem(body.token, 'a new password')).status).toBe(204);
      await expectOut(user);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
      expect((await login({ email: user.email, password: 'a new password' })).status).toBe(200);
      expect(failure(await redeem(body.token, 'once more, please'))).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(user.id)).toMatchObject({
        version: 3,
        password_token_hash: null,
        password_token_expires_at: null,
      });
    });

    it('expires after a day', async () => {
      const user = await service.user();
      const { body } = await service.admin.post(`/users/${user.id}/password-reset`);
      pass(DAY_MS + 1_000);
      expect(failure(await redeem(body.token, 'a new password'))).toEqual([400, 'invalid_password_token']);
      expect((await login(user)).status).toBe(200);
    });

    it('is void once the user has changed the password', async () => {
      const user = await service.user();
      const { body } = await service.admin.post(`/users/${user.id}/password-reset`);
      const newPassword = 'a new password';
      expect((await user.put('/me/password', { currentPassword: user.password, newPassword })).status).toBe(204);
      expect(failure(await redeem(body.token, 'once more, please'))).toEqual([400, 'invalid_password_token']);
      expect((await login({ email: user.email, password: newPassword })).status).toBe(200);
    });

    it('replaces the one before', async () => {
      const user = await service.user();
      const first = await service.admin.post(`/users/${user.id}/password-reset`);
      const second = await service.admin.post(`/users/${user.id}/password-reset`);
      expect(second.body.token).not.toBe(first.body.token);
      expect(failure(await redeem(first.body.token, 'a new password'))).toEqual([400, 'invalid_password_token']);
      expect((await redeem(second.body.token, 'a new password')).status).toBe(204);
    });

    it('is not made for nobody, nor for the deleted', async () => {
      const { id } = await create();
      await service.admin.delete(`/users/${id}`);
      const row = await rowOf(id);
      for (const nobody of [id, NOBODY])
        expect(failure(await service.admin.post(`/users/${nobody}/password-reset`))).toEqual([404, 'user_not_found']);
      expect(await rowOf(id)).toEqual(row);
    });
  });

  describe('an admin', () => {
    it('reads and lists users', async () => {
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

    it('makes no new version of what is the same already', async () => {
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
    ])('cannot change %s by PATCH', async (member, value) => {
      const { id } = await create();
      const row = await rowOf(id);
      const text = `{ "name": "Bea", "${member}": ${JSON.stringify(value)} }`;
      const { status, body } = await service.admin.patch(`/users/${id}`, text);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: `/${member}`, code: 'unknown_member' }],
      });
      expect(await rowOf(id)).toEqual(row);
    });

    it('cannot clear what is required', async () => {
      const { id } = await create();
      const row = await rowOf(id);
      for (const member of ['name', 'surname', 'email']) {
        const { status, body } = await service.admin.patch(`/users/${id}`, { [member]: null });
        expect(status).toBe(400);
        expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: `/${member}` }] });
      }
      expect(await rowOf(id)).toEqual(row);
    });

    it('cannot give a user the e-mail of another', async () => {
      const [user, other] = [await create(), await create()];
      const row = await rowOf(user.id);
      const answer = await service.admin.patch(`/users/${user.id}`, { email: other.email.toUpperCase() });
      expect(failure(answer)).toEqual([409, 'email_taken']);
      expect(await rowOf(user.id)).toEqual(row);
      expect(await historyRowsOf(user.id)).toHaveLength(1);
    });

    it('deletes a user, who is out on the next request, on another instance too', async () => {
      const user = await service.user();
      const { status, body } = await service.admin.delete(`/users/${user.id}`);
      expect([status, body]).toEqual([204, '']);
      await expectOut(user);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
      expect(await rowOf(user.id)).toMatchObject({ is_deleted: 1, version: 2, modified_by: 1 });
      expect((await rowOf(user.id)).deleted_at).not.toBeNull();
      for (const answer of [
        await service.admin.get(`/users/${user.id}`),
        await service.admin.patch(`/users/${user.id}`, { name: 'Bea' }),
        await service.admin.put(`/users/${user.id}/role`, { role: 'admin' }),
        await service.admin.delete(`/users/${user.id}`),
      ])
        expect(failure(answer)).toEqual([404, 'user_not_found']);
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
      await expectOut(user);
    });

    it('restores nobody whose e-mail was taken meanwhile', async () => {
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

    it('is told that there is no such user', async () => {
      for (const answer of [
        await service.admin.get(`/users/${NOBODY}`),
        await service.admin.patch(`/users/${NOBODY}`, { name: 'Bea' }),
        await service.admin.delete(`/users/${NOBODY}`),
        await service.admin.post(`/users/${NOBODY}/restore`),
        await service.admin.get(`/users/${NOBODY}/history`),
        await service.admin.put(`/users/${NOBODY}/role`, { role: 'admin' }),
      ])
        expect(failure(answer)).toEqual([404, 'user_not_found']);
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
    ])('is told that %s is no id', async (id) => {
      const row = await rowOf(1);
      for (const answer of [
        await service.admin.get(`/users/${id}`),
        await service.admin.patch(`/users/${id}`, { name: 'Bea' }),
        await service.admin.get(`/users/${id}/history`),
      ])
        expect(failure(answer)).toEqual([400, 'invalid_request']);
      expect(await rowOf(1)).toEqual(row);
    });
  });

  describe('a version', () => {
    it('is the ETag, which a reader may have already', async () => {
      const { id } = await create();
      const { headers } = await service.admin.get(`/users/${id}`);
      expect(headers.get('etag')).toBe('"v1"');
      for (const etag of ['"v1"', 'W/"v1"', '"v1-gzip"', '"v0", "v1"', '*']) {
        const { status, body, headers } = await service.admin.get(`/users/${id}`, {
          headers: { 'if-none-match': etag },
        });
        expect([etag, status, body, headers.get('etag')]).toEqual([etag, 304, '', '"v1"']);
      }
      const { status } = await service.admin.get(`/users/${id}`, { headers: { 'if-none-match': '"v2"' } });
      expect(status).toBe(200);
    });

    it('that is named by If-Match, in the forms that proxies make of it, lets a write through', async () => {
      const { id } = await create();
      let version = 1;
      for (const etag of [
        (v: number) => `"v${v}"`,
        (v: number) => `W/"v${v}"`,
        (v: number) => `"v${v}-gzip"`,
        () => '*',
      ]) {
        const headers = { 'if-match': etag(version) };
        const { status, body } = await service.admin.patch(`/users/${id}`, { name: `Name ${version}` }, { headers });
        expect([status, body.version]).toEqual([200, ++version]);
      }
      expect((await rowOf(id)).version).toBe(version);
    });

    it('that is stale lets no write through, and says which one it is now', async () => {
      const user = await service.user();
      const { id } = user;
      expect((await service.admin.patch(`/users/${id}`, { name: 'Bea' })).body.version).toBe(2);
      const row = await rowOf(id);
      const headers = { 'if-match': '"v1"' };
      for (const answer of [
        await service.admin.patch(`/users/${id}`, { name: 'Cem' }, { headers }),
        await service.admin.patch(`/users/${id}`, { name: 'Bea' }, { headers }),
        await service.admin.put(`/users/${id}/role`, { role: 'admin' }, { headers }),
        await service.admin.delete(`/users/${id}`, { headers }),
        await service.admin.post(`/users/${id}/restore`, undefined, { headers }),
        await user.patch('/me', { name: 'Cem' }, { headers }),
      ]) {
        expect(failure(answer)).toEqual([412, 'version_conflict']);
        expect(answer.body.currentVersion).toBe(2);
        expect(answer.headers.get('etag')).toBe('"v2"');
      }
      expect(await rowOf(id)).toEqual(row);
      expect(await historyRowsOf(id)).toHaveLength(2);
    });

    it('that is no ETag is refused', async () => {
      const { id } = await create();
      for (const etag of ['v1', '1', '"v1', 'W/v1', '']) {
        const answer = await service.admin.patch(`/users/${id}`, { name: 'Bea' }, { headers: { 'if-match': etag } });
        expect([etag, ...failure(answer)]).toEqual([etag, 400, 'invalid_request']);
      }
      expect(await rowOf(id)).toMatchObject({ name: 'Ben', version: 1 });
    });

    it('lets one of 20 writes at once through', async () => {
      const { id } = await create();
      const headers = { 'if-match': '"v1"' };
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 ? on(another, service.admin) : service.admin).patch(
            `/users/${id}`,
            { name: `Name ${index}` },
            { headers },
          ),
        ),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(412)]);
      expect((await rowOf(id)).version).toBe(2);
      expect(await historyRowsOf(id)).toHaveLength(2);
    });
  });

  describe('the history of a user', () => {
    it('says what was done, by whom, when and by which request, the newest first', async () => {
      const { id, email } = await create();
      const mark = unique();
      const sent = (action: string) => ({ headers: { 'x-request-id': `${action}:${mark}` } });
      await service.admin.patch(`/users/${id}`, { name: 'Bea' }, sent('patch'));
      await service.admin.put(`/users/${id}/role`, { role: 'admin' }, sent('role'));
      await service.admin.delete(`/users/${id}`, sent('delete'));
      await service.admin.post(`/users/${id}/restore`, undefined, sent('restore'));
      const { status, body } = await service.admin.get(`/users/${id}/history`);
      expect(status).toBe(200);
      const deletedAt = expect.stringMatching(/Z$/);
      expect(body.page).toEqual({ next: null });
      expect(body.data.map(({ at: _, ...entry }: { at: string }) => entry)).toEqual([
        {
          version: 5,
          action: 'restored',
          by: 1,
          requestId: `restore:${mark}`,
          changes: { deletedAt: [deletedAt, null] },
        },
        {
          version: 4,
          action: 'deleted',
          by: 1,
          requestId: `delete:${mark}`,
          changes: { deletedAt: [null, deletedAt] },
        },
        {
          version: 3,
          action: 'role_changed',
          by: 1,
          requestId: `role:${mark}`,
          changes: { role: ['user', 'admin'], roleGrantedBy: [null, 1] },
        },
        { version: 2, action: 'updated', by: 1, requestId: `patch:${mark}`, changes: { name: ['Ben', 'Bea'] } },
        {
          version: 1,
          action: 'created',
          by: 1,
          requestId: expect.any(String),
          changes: {
            email: [null, email],
            name: [null, 'Ben'],
            surname: [null, 'Müller'],
            role: [null, 'user'],
            hasPassword: [null, true],
          },
        },
      ]);
      for (const { at } of body.data) expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
      expect(await historyRowsOf(id)).toHaveLength(5);
      await service.admin.put(`/users/${id}/role`, { role: 'user' });
    });

    it('is paged, and is there for deleted users too', async () => {
      const { id } = await create();
      await service.admin.patch(`/users/${id}`, { name: 'Bea' });
      await service.admin.delete(`/users/${id}`);
      const first = await service.admin.get(`/users/${id}/history?limit=2`);
      expect(first.body.data.map(({ version }: { version: number }) => version)).toEqual([3, 2]);
      const second = await service.admin.get(`/users/${id}/history?limit=2&cursor=${first.body.page.next}`);
      expect(second.body.data.map(({ version }: { version: number }) => version)).toEqual([1]);
      expect(second.body.page).toEqual({ next: null });
    });
  });

  it('gives away no hash, token or epoch, in no answer and no history', async () => {
    const user = await service.user();
    const invited = await create({ password: undefined });
    const texts: string[] = [];
    const path = `/users/${user.id}`;
    const { body: reset } = await service.admin.post(`${path}/password-reset`);
    const secrets = new Set<string>();
    const collect = async (answer: Answer) => {
      texts.push(JSON.stringify(answer.body));
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
    // nor does the history have what it does not show
    const rows = JSON.stringify([...(await historyRowsOf(user.id)), ...(await historyRowsOf(invited.id))]);
    expect(rows).not.toMatch(/argon2|epoch|token/i);
  });

  describe('a role', () => {
    it('is granted, and it is noted by whom', async () => {
      const user = await service.user();
      const granting = await createAdmin();
      expect(failure(await user.get('/users'))).toEqual([403, 'forbidden']);
      const { status, body, headers } = await granting.put(`/users/${user.id}/role`, { role: 'admin' });
      expect(status).toBe(200);
      expect(body).toMatchObject({ role: 'admin', roleGrantedBy: granting.id, version: 2 });
      expect(headers.get('etag')).toBe('"v2"');
      expect(await rowOf(user.id)).toMatchObject({ admin: 1, admin_privileges_by: granting.id });
      // counts from the next request, with the token of before
      expect((await user.get('/users')).status).toBe(200);
      expect((await on(another, user).get('/users')).status).toBe(200);
    });

    it('is taken away: out on the next request, on another instance too', async () => {
      const admin = await createAdmin();
      expect((await on(another, admin).get('/users')).status).toBe(200);
      const { status, body } = await service.admin.put(`/users/${admin.id}/role`, { role: 'user' });
      expect(status).toBe(200);
      expect(body).toMatchObject({ role: 'user', roleGrantedBy: null });
      expect(await rowOf(admin.id)).toMatchObject({ admin: 0, admin_privileges_by: null });
      await expectOut(admin);
      const back = await service.anonymous.signIn(admin.email, admin.password);
      expect(failure(await back.get('/users'))).toEqual([403, 'forbidden']);
      expect((await back.get('/customers')).status).toBe(200);
    });

    it('that is the same already stays as it was granted', async () => {
      const admin = await createAdmin();
      const granting = await createAdmin();
      const row = await rowOf(admin.id);
      const { status, body } = await granting.put(`/users/${admin.id}/role`, { role: 'admin' });
      expect([status, body.version, body.roleGrantedBy]).toEqual([200, 1, 1]);
      expect(await rowOf(admin.id)).toEqual(row);
    });

    it.each([
      {},
      { role: null },
      { role: 'root' },
      { role: ['admin'] },
      { role: true },
      { role: 'admin', by: 1 },
      { isAdmin: true },
    ])('cannot be set to %j', async (role) => {
      const { id } = await create();
      const row = await rowOf(id);
      expect(failure(await service.admin.put(`/users/${id}/role`, role))).toEqual([400, 'invalid_request']);
      expect(await rowOf(id)).toEqual(row);
    });

    it('cannot be granted by those who have none', async () => {
      const user = await service.user();
      const row = await rowOf(user.id);
      expect(failure(await user.put(`/users/${user.id}/role`, { role: 'admin' }))).toEqual([403, 'forbidden']);
      expect(await rowOf(user.id)).toEqual(row);
    });
  });

  describe('one’s own profile', () => {
    it('is the user that others see', async () => {
      const user = await service.user();
      const { status, body, headers } = await user.get('/me');
      expect([status, headers.get('etag')]).toEqual([200, '"v1"']);
      expect(body).toEqual((await service.admin.get(`/users/${user.id}`)).body);
      expect((await user.get('/me', { headers: { 'if-none-match': '"v1"' } })).status).toBe(304);
    });

    it('has a name and a surname that one may change; the history notes who and by which request', async () => {
      const user = await service.user();
      const headers = { 'x-request-id': `profile:${unique()}`, 'if-match': '"v1"' };
      const answer = await user.patch('/me', { name: ' Bea ', surname: 'O’Neill 👩‍👩‍👧' }, { headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-request-id')).toBe(headers['x-request-id']);
      expect(answer.body).toMatchObject({ name: 'Bea', surname: 'O’Neill 👩‍👩‍👧', version: 2, lastModifiedBy: user.id });
      expect(await rowOf(user.id)).toMatchObject({ name: 'Bea', surname: 'O’Neill 👩‍👩‍👧', modified_by: user.id });
      const { body } = await service.admin.get(`/users/${user.id}/history?limit=1`);
      expect(body.data).toMatchObject([
        {
          version: 2,
          action: 'updated',
          by: user.id,
          requestId: headers['x-request-id'],
          changes: { name: ['Ben', 'Bea'], surname: ['Müller', 'O’Neill 👩‍👩‍👧'] },
        },
      ]);
    });

    it.each([
      ['email', 'somebody.else@example.com'],
      ['role', 'admin'],
      ['isAdmin', true],
      ['id', 1],
      ['createdBy', 1],
      ['version', 9],
      ['passwordHash', 'x'],
      ['password', 'battery staple'],
      ['sessionEpoch', 1],
    ])('has no %s that one may change', async (member, value) => {
      const user = await service.user();
      const row = await rowOf(user.id);
      const { status, body } = await user.patch('/me', { name: 'Bea', [member]: value });
      expect(status).toBe(400);
      expect(body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: `/${member}`, code: 'unknown_member' }],
      });
      expect(await rowOf(user.id)).toEqual(row);
      expect(await historyRowsOf(user.id)).toHaveLength(1);
    });
  });

  // last: all admins but two are demoted here, the shared one too
  describe('the last admin', () => {
    type Admin = Client & Account;
    let one: Admin;
    let other: Admin;

    const admins = async () =>
      (await service.dataSource.query<any[]>('SELECT id FROM users WHERE admin = 1 AND is_deleted = 0')).map(
        ({ id }) => id,
      );

    const back = ({ id, email, password }: Admin): Promise<Admin> => signedIn({ id, email, password });

    beforeAll(async () => {
      [one, other] = [await createAdmin(), await createAdmin()];
      await service.dataSource.query('UPDATE users SET admin = 0 WHERE id NOT IN (?, ?)', [one.id, other.id]);
    });

    it('can be neither demoted nor deleted', async () => {
      expect((await one.put(`/users/${other.id}/role`, { role: 'user' })).status).toBe(200);
      expect(await admins()).toEqual([one.id]);
      const row = await rowOf(one.id);
      expect(failure(await one.put(`/users/${one.id}/role`, { role: 'user' }))).toEqual([409, 'last_admin']);
      expect(failure(await one.delete(`/users/${one.id}`))).toEqual([409, 'last_admin']);
      expect(await rowOf(one.id)).toEqual(row);
      expect((await one.get('/me')).body.role).toBe('admin');
      expect((await one.put(`/users/${other.id}/role`, { role: 'admin' })).status).toBe(200);
      other = await back(other);
    });

    it('is not counted among the deleted', async () => {
      expect((await one.delete(`/users/${other.id}`)).status).toBe(204);
      expect(failure(await one.delete(`/users/${one.id}`))).toEqual([409, 'last_admin']);
      expect(await admins()).toEqual([one.id]);
      expect((await one.post(`/users/${other.id}/restore`)).body.role).toBe('admin');
      other = await back(other);
    });

    /** Both at once, each on an instance of their own; who is left makes the other one an admin again. */
    async function race(
      attack: (by: Client, victim: Admin) => Promise<Answer>,
      undo: (by: Client, loser: Admin) => Promise<Answer>,
    ) {
      for (let round = 0; round < 10; round++) {
        const answers = await Promise.all([attack(on(service, one), other), attack(on(another, other), one)]);
        expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
        // too late for the last admin, or already out
        const refused = answers.find(({ status }) => status >= 300)!;
        expect(['409 last_admin', '401 unauthenticated']).toContain(failure(refused).join(' '));
        const left = await admins();
        expect(left).toHaveLength(1);
        const [winner, loser] = left[0] === one.id ? [one, other] : [other, one];
        expect((await undo(winner, loser)).status).toBe(200);
        [one, other] = [winner, await back(loser)];
      }
    }

    it('is left when two demote each other at once', async () => {
      await race(
        (by, { id }) => by.put(`/users/${id}/role`, { role: 'user' }),
        (by, { id }) => by.put(`/users/${id}/role`, { role: 'admin' }),
      );
    });

    it('is left when two delete each other at once', async () => {
      await race(
        (by, { id }) => by.delete(`/users/${id}`),
        (by, { id }) => by.post(`/users/${id}/restore`),
      );
    });

    it('is left when one demotes and the other deletes', async () => {
      const before = await admins();
      expect(before).toHaveLength(2);
      await Promise.all([one.put(`/users/${other.id}/role`, { role: 'user' }), other.delete(`/users/${one.id}`)]);
      expect(await admins()).toHaveLength(1);
    });

    it('is not one of those who were demoted: the first one has nothing to say any more', async () => {
      const first = await service.anonymous.signIn(ADMIN.email, ADMIN.password);
      expect(failure(await first.get('/users'))).toEqual([403, 'forbidden']);
    });
  });

  describe('ADMIN_EMAIL', () => {
    it('makes the user with this e-mail an admin if there is none, and keeps their password', async () => {
      const alone = await startService(kind);
      const user = await alone.user();
      await alone.dataSource.query('UPDATE users SET admin = NULL');
      const again = await startService(kind, {
        beside: alone,
        env: { ADMIN_EMAIL: user.email, ADMIN_PASSWORD: 'not theirs at all' },
        signIn: false,
      });
      const { status, body } = await user.get('/me');
      expect([status, body.role]).toEqual([200, 'admin']);
      expect((await alone.anonymous.post('/login', { email: user.email, password: user.password })).status).toBe(200);
      await again.close();
      await alone.close();
    });
  });
});
