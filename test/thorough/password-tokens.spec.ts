import { at } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { refusalOf } from '../support/refusals.js';
import { newUser, startService, type TestService, unique } from '../support/service.js';
import { createUserActions, failure, UNKNOWN_ID } from '../support/users.js';

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

  const { create, rowOf, redeem, login, expectSignedOut } = createUserActions(() => [service, another]);

  describe('an invitation', () => {
    const invite = async () => {
      const user = await create({ password: undefined });
      return user as { id: number; email: string; invitation: { token: string; expiresAt: string } };
    };

    it('is part of a user without a password, who sets one with it', async () => {
      const { id, email, invitation } = await invite();
      expect(Math.abs(Date.parse(invitation.expiresAt) - Date.now() - 7 * DAY_MS)).toBeLessThan(60_000);
      expect((await service.admin.crm.GET('/users/{id}', at(id))).data).toMatchObject({
        hasPassword: false,
        version: 1,
      });

      const { status, body } = await redeem(invitation.token, 'my own password');
      expect(status).toBe(204);
      expect(body).toBe('');
      expect((await login({ email, password: 'my own password' })).status).toBe(200);
      expect(await rowOf(id)).toMatchObject({ version: 2, modified_by: id, password_token_hash: null });
      expect((await service.admin.crm.GET('/users/{id}', at(id))).data.hasPassword).toBe(true);
    });

    it('is not part of a user with a password', async () => {
      expect(await create()).not.toHaveProperty('invitation');
    });

    it('works once', async () => {
      const { id, email, invitation } = await invite();
      expect((await redeem(invitation.token, 'my own password')).status).toBe(204);
      const row = await rowOf(id);
      const again = await redeem(invitation.token, 'password of a thief');
      expect(failure(again)).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(id)).toEqual(row);
      expect((await login({ email, password: 'my own password' })).status).toBe(200);
    });

    it('works once even if several clients redeem it at the same time', async () => {
      const { id, email, invitation } = await invite();
      const passwords = ['password of one', 'password of two', 'password of three', 'password of four'];
      const responses = await Promise.all(
        passwords.map((password, index) => redeem(invitation.token, password, index % 2 ? service : another)),
      );
      const winners = passwords.filter((_, index) => responses[index]!.status === 204);
      expect(winners).toHaveLength(1);
      for (const response of responses)
        if (response.status !== 204) expect(failure(response)).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).version).toBe(2);
      expect((await login({ email, password: winners[0]! })).status).toBe(200);
    });

    it('expires after seven days', async () => {
      const [early, late] = [await invite(), await invite()];
      const row = await rowOf(late.id);
      service.clock.forward(7 * DAY_MS - 60_000);
      expect((await redeem(early.invitation.token, 'my own password')).status).toBe(204);
      service.clock.forward(60_000);
      expect(failure(await redeem(late.invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(late.id)).toEqual(row);
    });

    it('is replaced by a reset', async () => {
      const { id, email, invitation } = await invite();
      const { data, response } = await service.admin.crm.POST('/users/{id}/password-reset', at(id));
      expect(response.status).toBe(201);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).password_hash).toBeNull();
      expect((await redeem(data.token, 'my own password')).status).toBe(204);
      expect((await login({ email, password: 'my own password' })).status).toBe(200);
    });

    it('stays valid after an invalid password', async () => {
      const { id, email, invitation } = await invite();
      const row = await rowOf(id);
      for (const password of [
        email,
        '1234567',
        '12345678',
        'aaaaaaaa',
        ' '.repeat(8),
        'p'.repeat(129),
        '',
        null,
        12345678,
      ]) {
        const { status, body } = await redeem(invitation.token, password);
        expect(status).toBe(400);
        expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/newPassword' }] });
      }
      expect(await rowOf(id)).toEqual(row);
      expect((await redeem(invitation.token, 'zq7 x-k3')).status).toBe(204);
    });

    it('becomes invalid when the user is deleted, even after a restore', async () => {
      const { id, invitation } = await invite();
      expect((await service.admin.delete(`/users/${id}`)).status).toBe(204);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await service.admin.post(`/users/${id}/restore`)).status).toBe(200);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).password_hash).toBeNull();
    });

    it('becomes invalid when the e-mail changes', async () => {
      const { id, email, invitation } = await invite();
      expect((await service.admin.patch(`/users/${id}`, { name: 'Bea', email })).status).toBe(200);
      expect((await rowOf(id)).password_token_hash).not.toBeNull();
      expect((await service.admin.patch(`/users/${id}`, { email: `new-${email}` })).status).toBe(200);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(id)).toMatchObject({
        password_hash: null,
        password_token_hash: null,
        password_token_expires_at: null,
      });
    });

    it('becomes invalid when an admin signs the user out everywhere', async () => {
      const { id, invitation } = await invite();
      expect((await service.admin.delete(`/users/${id}/sessions`)).status).toBe(204);
      expect(failure(await redeem(invitation.token, 'my own password'))).toEqual([400, 'invalid_password_token']);
      expect((await rowOf(id)).password_hash).toBeNull();
    });

    it('is missing from the response to a retry once it has ended', async () => {
      const values = newUser({ password: undefined });
      const options = { headers: { 'idempotency-key': unique() } };
      const { body } = await service.admin.post('/users', values, options);
      expect((await redeem(body.invitation.token, 'my own password')).status).toBe(204);
      const { invitation: _, ...user } = body;
      const again = await service.admin.post('/users', values, options);
      expect([again.status, again.body]).toEqual([201, user]);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
    });

    it('is refused when forged', async () => {
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
    it('sets a new password; the old one works until then', async () => {
      const user = await service.user();
      const { data, response } = await service.admin.crm.POST('/users/{id}/password-reset', at(user.id));
      expect(response.status).toBe(201);
      expect(Object.keys(data).toSorted()).toEqual(['expiresAt', 'token']);
      expect(Math.abs(Date.parse(data.expiresAt) - Date.now() - DAY_MS)).toBeLessThan(60_000);
      expect((await user.get('/me')).status).toBe(200);
      expect((await login(user)).status).toBe(200);

      expect((await redeem(data.token, 'a new password')).status).toBe(204);
      await expectSignedOut(user);
      expect(failure(await login(user))).toEqual([401, 'invalid_credentials']);
      expect((await login({ email: user.email, password: 'a new password' })).status).toBe(200);
      expect(failure(await redeem(data.token, 'once more, please'))).toEqual([400, 'invalid_password_token']);
      expect(await rowOf(user.id)).toMatchObject({
        version: 3,
        password_token_hash: null,
        password_token_expires_at: null,
      });
    });

    it('expires after a day', async () => {
      const user = await service.user();
      const { body } = await service.admin.post(`/users/${user.id}/password-reset`);
      service.clock.forward(DAY_MS + 1_000);
      expect(failure(await redeem(body.token, 'a new password'))).toEqual([400, 'invalid_password_token']);
      expect((await login(user)).status).toBe(200);
    });

    it('becomes invalid when the user changes the password', async () => {
      const user = await service.user();
      const { body } = await service.admin.post(`/users/${user.id}/password-reset`);
      const newPassword = 'a new password';
      expect((await user.put('/me/password', { currentPassword: user.password, newPassword })).status).toBe(204);
      expect(failure(await redeem(body.token, 'once more, please'))).toEqual([400, 'invalid_password_token']);
      expect((await login({ email: user.email, password: newPassword })).status).toBe(200);
    });

    it('replaces the previous one', async () => {
      const user = await service.user();
      const first = await service.admin.post(`/users/${user.id}/password-reset`);
      const second = await service.admin.post(`/users/${user.id}/password-reset`);
      expect(second.body.token).not.toBe(first.body.token);
      expect(failure(await redeem(first.body.token, 'a new password'))).toEqual([400, 'invalid_password_token']);
      expect((await redeem(second.body.token, 'a new password')).status).toBe(204);
    });

    it('becomes invalid when the e-mail changes or an admin signs the user out everywhere', async () => {
      for (const end of [
        ({ id, email }: { id: number; email: string }) =>
          service.admin.patch(`/users/${id}`, { email: `new-${email}` }),
        ({ id }: { id: number }) => service.admin.delete(`/users/${id}/sessions`),
      ]) {
        const user = await service.user();
        const { body } = await service.admin.post(`/users/${user.id}/password-reset`);
        expect((await end(user)).status).toBeLessThan(300);
        const row = await rowOf(user.id);
        expect(failure(await redeem(body.token, 'a new password'))).toEqual([400, 'invalid_password_token']);
        expect(await rowOf(user.id)).toEqual(row);
      }
    });

    it('is not returned to a retry once it has ended', async () => {
      for (const end of [
        ({ token }: { id: number; token: string }) => redeem(token, 'a new password', another),
        ({ id }: { id: number }) => service.admin.post(`/users/${id}/password-reset`),
        ({ id }: { id: number }) => service.admin.delete(`/users/${id}/sessions`),
        ({ id }: { id: number }) => service.admin.delete(`/users/${id}`),
      ]) {
        const { id } = await service.user();
        const options = { headers: { 'idempotency-key': unique() } };
        const first = await service.admin.post(`/users/${id}/password-reset`, undefined, options);
        const retry = () => service.admin.post(`/users/${id}/password-reset`, undefined, options);
        expect((await retry()).body).toEqual(first.body);
        expect((await end({ id, token: first.body.token })).status).toBeLessThan(300);
        const row = await rowOf(id);
        const response = await retry();
        expect(failure(response)).toEqual([422, 'idempotency_key_reused']);
        expect(response.headers.get('idempotency-replayed')).toBeNull();
        expect(await rowOf(id)).toEqual(row);
      }
    });

    it('is refused for unknown and deleted users', async () => {
      const { id } = await create();
      await service.admin.delete(`/users/${id}`);
      const row = await rowOf(id);
      for (const unknown of [id, UNKNOWN_ID])
        expect(failure(await refusalOf(service.admin.crm.POST('/users/{id}/password-reset', at(unknown))))).toEqual([
          404,
          'user_not_found',
        ]);
      expect(await rowOf(id)).toEqual(row);
    });
  });
});
