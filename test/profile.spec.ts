import { at } from './support/client.js';
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
      const { data, response } = await user.crm.GET('/me');
      expect([response.status, response.headers.get('etag')]).toEqual([200, '"v1"']);
      expect(data).toEqual((await service.admin.crm.GET('/users/{id}', at(user.id))).data);
      expect((await user.get('/me', { headers: { 'if-none-match': '"v1"' } })).status).toBe(304);
    });

    it('allows changes of name and surname, which the history records', async () => {
      const user = await service.user();
      const requestId = `profile:${unique()}`;
      const { data, response } = await user.crm.PATCH('/me', {
        params: { header: { 'If-Match': '"v1"' } },
        headers: { 'x-request-id': requestId },
        body: { name: ' Bea ', surname: 'O’Neill 👩‍👩‍👧' },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('x-request-id')).toBe(requestId);
      expect(data).toMatchObject({ name: 'Bea', surname: 'O’Neill 👩‍👩‍👧', version: 2, lastModifiedBy: user.id });
      expect(await rowOf(user.id)).toMatchObject({ name: 'Bea', surname: 'O’Neill 👩‍👩‍👧', modified_by: user.id });
      const params = { path: { id: user.id }, query: { limit: 1 } };
      const history = await service.admin.crm.GET('/users/{id}/history', { params });
      expect(history.data.data).toMatchObject([
        {
          version: 2,
          action: 'updated',
          by: user.id,
          requestId,
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
