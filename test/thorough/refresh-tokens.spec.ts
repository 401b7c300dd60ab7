import { persist } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { startService, type TestService } from '../support/service.js';
import { createSessionActions } from '../support/sessions.js';

const SECOND_MS = 1_000;

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

    it('is accepted by any instance', async () => {
      const user = await service.user();
      const { refreshToken } = await expectRefreshed(user.refreshToken, another);
      const { accessToken } = await expectRefreshed(refreshToken, service);
      await expectSignedIn(service.anonymous.as(accessToken), another);
    });

    it('returns the same successor again within ten seconds', async () => {
      const user = await service.user();
      const first = await expectRefreshed(user.refreshToken);
      service.clock.forward(9 * SECOND_MS);
      const again = await expectRefreshed(user.refreshToken);
      expect(again.refreshToken).toBe(first.refreshToken);
      await expectSignedIn(service.anonymous.as(again.accessToken));
      await expectRefreshed(first.refreshToken);
    });

    it('returns one successor for 20 concurrent requests', async () => {
      const user = await service.user();
      const responses = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          persist(() => refresh(user.refreshToken, index % 2 ? service : another)),
        ),
      );
      expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
      expect(new Set(responses.map(({ body }) => body.refreshToken)).size).toBe(1);
      for (const { body } of responses) await expectSignedIn(service.anonymous.as(body.accessToken));
      expect((await rowOf(await idOf(user))).generation).toBe(2);
    });

    it('ends the session when it is used again after the grace period', async () => {
      const user = await service.user();
      const id = await idOf(user);
      const { accessToken, refreshToken } = await expectRefreshed(user.refreshToken);
      service.clock.forward(11 * SECOND_MS);
      await expectSignedIn(service.anonymous.as(accessToken));
      await expectRefused(user.refreshToken);
      await expectSignedOut(user);
      await expectSignedOut(service.anonymous.as(accessToken), refreshToken);
      expect((await rowOf(id)).ended_at).not.toBeNull();
    });

    it('ends the session when it is older than the previous one, even within the grace period', async () => {
      const user = await service.user();
      const id = await idOf(user);
      const second = await expectRefreshed(user.refreshToken);
      const third = await expectRefreshed(second.refreshToken);
      await expectRefused(user.refreshToken);
      await expectSignedOut(service.anonymous.as(third.accessToken), third.refreshToken);
      await expectRefused(second.refreshToken);
      expect((await rowOf(id)).ended_at).not.toBeNull();
    });

    it('ends only its own session when it is reused', async () => {
      const user = await service.user();
      const phone = await service.anonymous.signIn(user.email, user.password);
      await expectRefreshed(user.refreshToken);
      service.clock.forward(11 * SECOND_MS);
      await expectRefused(user.refreshToken);
      await expectSignedIn(phone);
      await expectRefreshed(phone.refreshToken);
    });

    it('is refused with any bit flipped, and no session ends', async () => {
      const [user, other] = [await service.user(), await service.user()];
      const ids = await Promise.all([user, other].map(idOf));
      const before = await Promise.all(ids.map(rowOf));
      const bytes = Buffer.from(user.refreshToken!, 'base64url');
      const flipped = Array.from(bytes, (_, index) => {
        const copy = Buffer.from(bytes);
        copy[index]! ^= 1 << (index % 8);
        return copy.toString('base64url');
      });
      const responses = await Promise.all(flipped.map((token) => refresh(token)));
      expect(responses.map(({ status, body }) => `${status} ${body.code}`)).toEqual(
        responses.map(() => '401 invalid_refresh_token'),
      );
      expect(await Promise.all(ids.map(rowOf))).toEqual(before);
      await expectSignedIn(user);
      await expectRefreshed(user.refreshToken);
    });

    it('is refused when it names another session, and no session ends', async () => {
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
      // Ids of unknown sessions.
      for (const id of [0, 2 ** 31 - 1, 2 ** 32 - 1]) {
        const forged = Buffer.from(own);
        forged.writeUInt32BE(id, 0);
        await expectRefused(forged.toString('base64url'));
      }
      expect(await Promise.all(ids.map(rowOf))).toEqual(before);
      await expectSignedIn(victim);
      await expectRefreshed(victim.refreshToken);
      await expectRefreshed(thief.refreshToken);
    });

    it('is refused when it is garbage', async () => {
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
      const responses = await Promise.all(garbage.map((text) => refresh(text)));
      expect(responses.map(({ status, body }, index) => [garbage[index], status, body.code])).toEqual(
        garbage.map((text) => [text, 401, 'invalid_refresh_token']),
      );
      await expectSignedIn(user);
      await expectRefreshed(token);
    });

    it.each([
      ['an empty string', ''],
      ['null', null],
      ['a number', 7],
      ['an object', {}],
      ['a list', ['x']],
      ['true', true],
    ])('is an invalid request when it is %s', async (_, value) => {
      const { status, body } = await refresh(value);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/refreshToken' }] });
    });

    it('is not accepted as an access token', async () => {
      const user = await service.user();
      const { status, body } = await service.anonymous.as(user.refreshToken).get('/me');
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
    });
  });

  it('stores no token in the database', async () => {
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
      // Neither the token nor its signature, in any encoding.
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
