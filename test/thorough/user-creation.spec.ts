import { persist } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { refusalOf } from '../support/refusals.js';
import { newUser, startService, type TestService, unique } from '../support/service.js';
import { createUserActions, failure, on } from '../support/users.js';

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

  const { create, createAdmin, rowOf, countUsers, redeem, login } = createUserActions(() => [service, another]);

  describe('creating a user', () => {
    it('returns the user, its address and its ETag', async () => {
      const values = newUser({ email: `  Carla-${unique()}@Example.COM ` });
      const { data, response } = await service.admin.crm.POST('/users', { body: values });
      expect(response.status).toBe(201);
      expect(response.headers.get('location')).toBe(`/users/${data.id}`);
      expect(response.headers.get('etag')).toBe('"v1"');
      const email = values.email.trim().toLowerCase();
      expect(data).toEqual({
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
        lastModifiedAt: data.createdAt,
        version: 1,
        deletedAt: null,
      });
      expect(await rowOf(data.id)).toMatchObject({ email, admin: 0, created_by: 1, version: 1, is_deleted: 0 });
      expect((await login({ email, password: values.password })).status).toBe(200);
    });

    it('creates an admin on request and records who granted the role', async () => {
      const admin = await createAdmin();
      expect(admin).toMatchObject({ role: 'admin', roleGrantedBy: 1 });
      expect(await rowOf(admin.id)).toMatchObject({ admin: 1, admin_privileges_by: 1 });
      expect((await admin.crm.GET('/users')).response.status).toBe(200);
    });

    it.each(['12345678', 'aaaaaaaa', ' '.repeat(8), 'ana.maria'])('refuses the password %j', async (password) => {
      const values = newUser({ email: `ana.maria@${unique()}.example.com`, password });
      const { status, body } = await service.admin.post('/users', values);
      expect([status, body.errors]).toEqual([
        400,
        [expect.objectContaining({ pointer: '/password', code: 'too_common' })],
      ]);
    });

    it('stores the password as argon2id', async () => {
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
      const { body: shown } = await service.admin.get('/users/1');
      const before = await countUsers();
      const { status, body } = await service.admin.post('/users', { ...newUser(), [member]: 1 });
      expect([status, body.code]).toEqual([400, 'invalid_request']);
      expect(body.errors).toMatchObject([
        { pointer: `/${member}`, code: Object.hasOwn(shown, member) ? 'read_only' : 'unknown_member' },
      ]);
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

    it('refuses an e-mail that is taken, ignoring case', async () => {
      const { email } = await create();
      const before = await countUsers();
      for (const same of [email, email.toUpperCase(), ` ${email} `])
        expect(failure(await refusalOf(create({ email: same })))).toEqual([409, 'email_taken']);
      expect(await countUsers()).toBe(before);
    });

    it('accepts an e-mail that differs only in an accent', async () => {
      const mark = unique();
      const plain = await create({ email: `jose-${mark}@example.com` });
      const accented = await create({ email: `josé-${mark}@example.com` });
      expect(await rowOf(accented.id)).toMatchObject({ email: `josé-${mark}@example.com` });
      const found = await service.admin.get(`/users?email=jose-${mark}@example.com`);
      expect(found.body.data.map(({ id }: { id: number }) => id)).toEqual([plain.id]);
    });

    it('creates one of 20 concurrent users with the same e-mail', async () => {
      const values = newUser({ password: undefined });
      const responses = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          persist(() => (index % 2 ? on(another, service.admin) : service.admin).post('/users', values)),
        ),
      );
      expect(responses.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(19).fill(409)]);
      const rows = await service.dataSource.query<any[]>('SELECT id FROM users WHERE email = ?', [values.email]);
      expect(rows).toHaveLength(1);
    });

    it('replays the same user and invitation for the same Idempotency-Key', async () => {
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
});
