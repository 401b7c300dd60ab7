import { onEveryDatabase } from './support/databases.js';
import { startService, type TestService, unique } from './support/service.js';
import { createUserActions } from './support/users.js';

onEveryDatabase((kind) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const { rowOf, historyRowsOf } = createUserActions(() => [service]);

  describe('the own profile', () => {
    it('equals the user that admins see', async () => {
      const user = await service.user();
      const { status, body, headers } = await user.get('/me');
      expect([status, headers.get('etag')]).toEqual([200, '"v1"']);
      expect(body).toEqual((await service.admin.get(`/users/${user.id}`)).body);
      expect((await user.get('/me', { headers: { 'if-none-match': '"v1"' } })).status).toBe(304);
    });

    it('allows changes of name and surname, which the history records', async () => {
      const user = await service.user();
      const headers = { 'x-request-id': `profile:${unique()}`, 'if-match': '"v1"' };
      const response = await user.patch('/me', { name: ' Bea ', surname: 'O’Neill 👩‍👩‍👧' }, { headers });
      expect(response.status).toBe(200);
      expect(response.headers.get('x-request-id')).toBe(headers['x-request-id']);
      expect(response.body).toMatchObject({ name: 'Bea', surname: 'O’Neill 👩‍👩‍👧', version: 2, lastModifiedBy: user.id });
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
      ['email', 'another@example.com'],
      ['role', 'admin'],
      ['isAdmin', true],
      ['id', 1],
      ['createdBy', 1],
      ['version', 9],
      ['passwordHash', 'x'],
      ['password', 'battery staple'],
      ['sessionEpoch', 1],
    ])('refuses to change %s', async (member, value) => {
      const user = await service.user();
      const row = await rowOf(user.id);
      const { body: shown } = await user.get('/me');
      const { status, body } = await user.patch('/me', { name: 'Bea', [member]: value });
      expect(status).toBe(400);
      expect(body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: `/${member}`, code: Object.hasOwn(shown, member) ? 'read_only' : 'unknown_member' }],
      });
      expect(await rowOf(user.id)).toEqual(row);
      expect(await historyRowsOf(user.id)).toHaveLength(1);
    });
  });
});
