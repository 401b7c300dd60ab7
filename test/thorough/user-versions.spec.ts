import { at, persist } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { startService, type TestService, unique } from '../support/service.js';
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

  const { create, rowOf, historyRowsOf } = createUserActions(() => [service, another]);

  describe('a version', () => {
    it('is the ETag, and If-None-Match with it returns 304', async () => {
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

    it('in If-Match allows the write, also in the forms that proxies create', async () => {
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

    it('in If-Match refuses the write if it is stale, and returns the current version', async () => {
      const user = await service.user();
      const { id } = user;
      expect((await service.admin.patch(`/users/${id}`, { name: 'Bea' })).body.version).toBe(2);
      const row = await rowOf(id);
      const headers = { 'if-match': '"v1"' };
      for (const response of [
        await service.admin.patch(`/users/${id}`, { name: 'Cem' }, { headers }),
        await service.admin.patch(`/users/${id}`, { name: 'Bea' }, { headers }),
        await service.admin.put(`/users/${id}/role`, { role: 'admin' }, { headers }),
        await service.admin.delete(`/users/${id}`, { headers }),
        await service.admin.post(`/users/${id}/restore`, undefined, { headers }),
        await user.patch('/me', { name: 'Cem' }, { headers }),
      ]) {
        expect(failure(response)).toEqual([412, 'version_conflict']);
        expect(response.body.currentVersion).toBe(2);
        expect(response.headers.get('etag')).toBe('"v2"');
      }
      expect(await rowOf(id)).toEqual(row);
      expect(await historyRowsOf(id)).toHaveLength(2);
    });

    it('in If-Match is refused if it is not an ETag', async () => {
      const { id } = await create();
      for (const etag of ['v1', '1', '"v1', 'W/v1', '']) {
        const response = await service.admin.patch(`/users/${id}`, { name: 'Bea' }, { headers: { 'if-match': etag } });
        expect([etag, ...failure(response)]).toEqual([etag, 400, 'invalid_request']);
      }
      expect(await rowOf(id)).toMatchObject({ name: 'Ben', version: 1 });
    });

    it('in If-Match allows one of 20 concurrent writes', async () => {
      const { id } = await create();
      const headers = { 'if-match': '"v1"' };
      const responses = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          persist(() =>
            (index % 2 ? on(another, service.admin) : service.admin).patch(
              `/users/${id}`,
              { name: `Name ${index}` },
              { headers },
            ),
          ),
        ),
      );
      expect(responses.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(412)]);
      expect((await rowOf(id)).version).toBe(2);
      expect(await historyRowsOf(id)).toHaveLength(2);
    });
  });

  describe('the history of a user', () => {
    it('tells action, user, time and request of each change, newest first', async () => {
      const { id, email } = await create();
      const mark = unique();
      const sent = (action: string) => ({ headers: { 'x-request-id': `${action}:${mark}` } });
      const { crm } = service.admin;
      await crm.PATCH('/users/{id}', { ...at(id), body: { name: 'Bea' }, ...sent('patch') });
      await crm.PUT('/users/{id}/role', { ...at(id), body: { role: 'admin' }, ...sent('role') });
      await crm.DELETE('/users/{id}', { ...at(id), ...sent('delete') });
      await crm.POST('/users/{id}/restore', { ...at(id), ...sent('restore') });
      const { data, response } = await crm.GET('/users/{id}/history', at(id));
      expect(response.status).toBe(200);
      const deletedAt = expect.stringMatching(/Z$/);
      expect(data.page).toEqual({ next: null });
      expect(data.data.map(({ at: _, ...entry }) => entry)).toEqual([
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
      for (const entry of data.data) expect(Math.abs(Date.parse(entry.at) - Date.now())).toBeLessThan(60_000);
      expect(await historyRowsOf(id)).toHaveLength(5);
      await crm.PUT('/users/{id}/role', { ...at(id), body: { role: 'user' } });
    });

    it('is paged, and available for deleted users', async () => {
      const { id } = await create();
      const { crm } = service.admin;
      await crm.PATCH('/users/{id}', { ...at(id), body: { name: 'Bea' } });
      await crm.DELETE('/users/{id}', at(id));
      const page = async (cursor?: string) =>
        (await crm.GET('/users/{id}/history', { params: { path: { id }, query: { limit: 2, cursor } } })).data;
      const first = await page();
      expect(first.data.map(({ version }) => version)).toEqual([3, 2]);
      const second = await page(first.page.next!);
      expect(second.data.map(({ version }) => version)).toEqual([1]);
      expect(second.page).toEqual({ next: null });
    });
  });
});
