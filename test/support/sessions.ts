import type { Client } from './client.js';
import type { TestService } from './service.js';

/** Checks of sessions, on the instances of one database. */
export function createSessionActions(getInstances: () => TestService[]) {
  const service = (): TestService => getInstances()[0]!;

  const on = (instance: TestService, client: Client): Client => instance.anonymous.as(client.accessToken);

  const refresh = (refreshToken: unknown, at = service()) => at.anonymous.post('/login/refresh', { refreshToken });

  const expectRefused = async (refreshToken: unknown, at = service()): Promise<void> => {
    const { status, body, headers } = await refresh(refreshToken, at);
    expect([status, body.code]).toEqual([401, 'invalid_refresh_token']);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
  };

  return {
    refresh,
    expectRefused,
    idOf: async (client: Client): Promise<number> => {
      const { data } = await client.crm.GET('/me/sessions');
      return data.data.find(({ current }) => current)!.id;
    },
    rowOf: async (id: number) =>
      (await service().dataSource.query<any[]>('SELECT * FROM sessions WHERE id = ?', [id]))[0],
    expectSignedIn: async (client: Client, at = service()): Promise<void> => {
      expect((await on(at, client).get('/me')).status).toBe(200);
    },
    /** Both tokens are refused, the access token on every instance. */
    expectSignedOut: async (client: Client, refreshToken = client.refreshToken): Promise<void> => {
      for (const instance of getInstances()) {
        const { status, body, headers } = await on(instance, client).get('/me');
        expect([status, body.code]).toEqual([401, 'unauthenticated']);
        expect(headers.get('www-authenticate')).toBe('Bearer realm="crm-service", error="invalid_token"');
      }
      await expectRefused(refreshToken);
    },
    expectRefreshed: async (refreshToken: unknown, at = service()) => {
      const { status, body } = await refresh(refreshToken, at);
      expect(status).toBe(200);
      return body as { accessToken: string; refreshToken: string; refreshExpiresIn: number };
    },
  };
}
