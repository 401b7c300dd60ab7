import { type Answer, at, type Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { refusalOf } from '../support/refusals.js';
import { ADMIN, newUser, startService, type TestService } from '../support/service.js';
import { type Account, createUserActions, failure, on } from '../support/users.js';

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

  const { create, createAdmin, signIn, rowOf, redeem, expectSignedOut } = createUserActions(() => [service, another]);

  const setRole = ({ crm }: Client, id: number, role: 'admin' | 'user') =>
    crm.PUT('/users/{id}/role', { ...at(id), body: { role } });
  const remove = ({ crm }: Client, id: number) => crm.DELETE('/users/{id}', at(id));
  const listUsers = ({ crm }: Client) => crm.GET('/users');

  describe('a role', () => {
    it('is granted, and the user records who granted it', async () => {
      const user = await service.user();
      const granting = await createAdmin();
      expect(failure(await refusalOf(listUsers(user)))).toEqual([403, 'forbidden']);
      const { data, response } = await setRole(granting, user.id, 'admin');
      expect(response.status).toBe(200);
      expect(data).toMatchObject({ role: 'admin', roleGrantedBy: granting.id, version: 2 });
      expect(response.headers.get('etag')).toBe('"v2"');
      expect(await rowOf(user.id)).toMatchObject({ admin: 1, admin_privileges_by: granting.id });
      // It applies to the next request, with the same token.
      expect((await listUsers(user)).response.status).toBe(200);
      expect((await listUsers(on(another, user))).response.status).toBe(200);
    });

    it('is revoked, and the sessions end on every instance with the next request', async () => {
      const admin = await createAdmin();
      expect((await listUsers(on(another, admin))).response.status).toBe(200);
      const { data, response } = await setRole(service.admin, admin.id, 'user');
      expect(response.status).toBe(200);
      expect(data).toMatchObject({ role: 'user', roleGrantedBy: null });
      expect(await rowOf(admin.id)).toMatchObject({ admin: 0, admin_privileges_by: null });
      await expectSignedOut(admin);
      const back = await service.anonymous.signIn(admin.email, admin.password);
      expect(failure(await refusalOf(listUsers(back)))).toEqual([403, 'forbidden']);
      expect((await back.crm.GET('/customers')).response.status).toBe(200);
    });

    it('stays unchanged when it is granted again', async () => {
      const admin = await createAdmin();
      const granting = await createAdmin();
      const row = await rowOf(admin.id);
      const { data, response } = await setRole(granting, admin.id, 'admin');
      expect([response.status, data.version, data.roleGrantedBy]).toEqual([200, 1, 1]);
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
    ])('refuses %j', async (role) => {
      const { id } = await create();
      const row = await rowOf(id);
      expect(failure(await service.admin.put(`/users/${id}/role`, role))).toEqual([400, 'invalid_request']);
      expect(await rowOf(id)).toEqual(row);
    });

    it('cannot be granted by a user', async () => {
      const user = await service.user();
      const row = await rowOf(user.id);
      expect(failure(await refusalOf(setRole(user, user.id, 'admin')))).toEqual([403, 'forbidden']);
      expect(await rowOf(user.id)).toEqual(row);
    });
  });

  describe('the last admin', () => {
    type Admin = Client & Account;
    let one: Admin;
    let other: Admin;

    const admins = async () =>
      (await service.dataSource.query<any[]>('SELECT id FROM users WHERE admin = 1 AND is_deleted = 0')).map(
        ({ id }) => id,
      );

    const signInAgain = ({ id, email, password }: Admin): Promise<Admin> => signIn({ id, email, password });

    beforeAll(async () => {
      [one, other] = [await createAdmin(), await createAdmin()];
      await service.dataSource.query('UPDATE users SET admin = 0 WHERE id NOT IN (?, ?)', [one.id, other.id]);
    });

    it('can be neither demoted nor deleted', async () => {
      await setRole(one, other.id, 'user');
      expect(await admins()).toEqual([one.id]);
      const row = await rowOf(one.id);
      expect(failure(await refusalOf(setRole(one, one.id, 'user')))).toEqual([409, 'last_admin']);
      expect(failure(await refusalOf(remove(one, one.id)))).toEqual([409, 'last_admin']);
      expect(await rowOf(one.id)).toEqual(row);
      expect((await one.crm.GET('/me')).data.role).toBe('admin');
      await setRole(one, other.id, 'admin');
      other = await signInAgain(other);
    });

    it('does not include deleted admins', async () => {
      await remove(one, other.id);
      expect(failure(await refusalOf(remove(one, one.id)))).toEqual([409, 'last_admin']);
      expect(await admins()).toEqual([one.id]);
      expect((await one.crm.POST('/users/{id}/restore', at(other.id))).data.role).toBe('admin');
      other = await signInAgain(other);
    });

    it('does not include admins who cannot sign in', async () => {
      await setRole(one, other.id, 'user');
      const { data } = await one.crm.POST('/users', { body: newUser({ role: 'admin', password: undefined }) });
      const { id } = data;
      expect(failure(await refusalOf(setRole(one, one.id, 'user')))).toEqual([409, 'last_admin']);
      expect(failure(await refusalOf(remove(one, one.id)))).toEqual([409, 'last_admin']);
      expect((await redeem(data.invitation!.token, 'my own password')).status).toBe(204);
      await setRole(one, one.id, 'user');

      // an account of a provider is enough
      const sql = `UPDATE users SET password_hash = NULL, linked_providers = 'google' WHERE id = ?`;
      await service.dataSource.query('UPDATE users SET admin = 1 WHERE id = ?', [one.id]);
      await service.dataSource.query(sql, [id]);
      one = await signInAgain(one);
      await setRole(one, one.id, 'user');

      await service.dataSource.query('UPDATE users SET admin = 1 WHERE id IN (?, ?)', [one.id, other.id]);
      [one, other] = [await signInAgain(one), await signInAgain(other)];
      await remove(one, id);
    });

    it('keeps the last way to sign in', async () => {
      const sql = `UPDATE users SET password_hash = NULL, linked_providers = 'google' WHERE id = ?`;
      const [{ password_hash: hash }] = await service.dataSource.query<any[]>(
        'SELECT password_hash FROM users WHERE id = ?',
        [one.id],
      );
      await service.dataSource.query(sql, [one.id]);
      expect((await one.put(`/users/${other.id}/role`, { role: 'user' })).status).toBe(200);
      const row = await rowOf(one.id);
      expect(failure(await one.delete(`/users/${one.id}/identities/google`))).toEqual([409, 'last_admin']);
      expect(failure(await one.delete('/me/identities/google'))).toEqual([409, 'last_sign_in']);
      expect(await rowOf(one.id)).toEqual(row);
      expect((await one.put(`/users/${other.id}/role`, { role: 'admin' })).status).toBe(200);
      other = await signInAgain(other);
      expect((await other.delete(`/users/${one.id}/identities/google`)).status).toBe(204);
      await service.dataSource.query('UPDATE users SET password_hash = ? WHERE id = ?', [hash, one.id]);
    });

    /** Both admins act at the same time on different instances; the remaining one undoes it. */
    async function race(
      attack: (by: Client, victim: Admin) => Promise<Answer>,
      undo: (by: Client, loser: Admin) => Promise<Answer>,
    ) {
      for (let round = 0; round < 10; round++) {
        const responses = await Promise.all([attack(on(service, one), other), attack(on(another, other), one)]);
        expect(responses.filter(({ status }) => status < 300)).toHaveLength(1);
        // Refused as the last admin, or already signed out.
        const refused = responses.find(({ status }) => status >= 300)!;
        expect(['409 last_admin', '401 unauthenticated']).toContain(failure(refused).join(' '));
        const remaining = await admins();
        expect(remaining).toHaveLength(1);
        const [winner, loser] = remaining[0] === one.id ? [one, other] : [other, one];
        expect((await undo(winner, loser)).status).toBe(200);
        [one, other] = [winner, await signInAgain(loser)];
      }
    }

    it('remains when two admins demote each other at the same time', async () => {
      await race(
        (by, { id }) => by.put(`/users/${id}/role`, { role: 'user' }),
        (by, { id }) => by.put(`/users/${id}/role`, { role: 'admin' }),
      );
    });

    it('remains when two admins delete each other at the same time', async () => {
      await race(
        (by, { id }) => by.delete(`/users/${id}`),
        (by, { id }) => by.post(`/users/${id}/restore`),
      );
    });

    it('remains when one admin demotes and the other deletes', async () => {
      const before = await admins();
      expect(before).toHaveLength(2);
      await Promise.all([one.put(`/users/${other.id}/role`, { role: 'user' }), other.delete(`/users/${one.id}`)]);
      expect(await admins()).toHaveLength(1);
    });

    it('does not include demoted admins: the first admin has lost access', async () => {
      const first = await service.anonymous.signIn(ADMIN.email, ADMIN.password);
      expect(failure(await first.get('/users'))).toEqual([403, 'forbidden']);
    });
  });

  describe('ADMIN_EMAIL', () => {
    it('makes the user with this e-mail an admin if there is none, and keeps the password', async () => {
      const alone = await startService(kind);
      const user = await alone.user();
      await alone.dataSource.query('UPDATE users SET admin = NULL');
      const again = await startService(kind, {
        beside: alone,
        env: { ADMIN_EMAIL: user.email, ADMIN_PASSWORD: 'another password' },
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
