import type { ProblemError } from '../../client/src/index.js';
import type { Answer, Client } from './client.js';
import { newUser, type TestService } from './service.js';

/** The largest id; no user has it. */
export const UNKNOWN_ID = 2147483647;

export interface Account {
  id: number;
  email: string;
  password: string;
  role?: string;
  roleGrantedBy?: number | null;
}

export const failure = (refusal: Answer | ProblemError): unknown[] => [
  refusal.status,
  'body' in refusal ? refusal.body.code : refusal.code,
];

/** The same session on another instance. */
export const on = (instance: TestService, client: Client): Client => instance.anonymous.as(client.accessToken);

/** Actions on users, on the first of the instances of a database. */
export function createUserActions(getInstances: () => TestService[]) {
  const service = (): TestService => getInstances()[0]!;
  const query = (sql: string, parameters: unknown[] = []) => service().dataSource.query<any[]>(sql, parameters);

  async function create(overrides: Record<string, unknown> = {}) {
    const values = newUser(overrides);
    const { data, response } = await service().admin.crm.POST('/users', { body: values });
    expect(response.status).toBe(201);
    return { ...data, email: data.email!, password: values.password };
  }

  const signIn = async (user: Account): Promise<Client & Account> =>
    Object.assign(await service().anonymous.signIn(user.email, user.password), user);

  return {
    create,
    signIn,
    createAdmin: async (): Promise<Client & Account> => {
      const { id, email, password, role, roleGrantedBy } = await create({ role: 'admin' });
      return signIn({ id, email, password, role, roleGrantedBy });
    },
    rowOf: async (id: number) => (await query('SELECT * FROM users WHERE id = ?', [id]))[0],
    historyRowsOf: (id: number) => query(`SELECT * FROM history WHERE resource = 'user' AND resource_id = ?`, [id]),
    countUsers: async () => Number((await query('SELECT COUNT(*) AS n FROM users'))[0].n),
    redeem: (token: unknown, newPassword: unknown, at = service()) =>
      at.anonymous.post('/login/password', { token, newPassword }),
    login: ({ email, password }: { email: string; password: string }) =>
      service().anonymous.post('/login', { email, password }),
    /** Both tokens are refused, the access token on every instance. */
    expectSignedOut: async (client: Client): Promise<void> => {
      for (const instance of getInstances())
        expect(failure(await on(instance, client).get('/me'))).toEqual([401, 'unauthenticated']);
      const refreshed = await service().anonymous.post('/login/refresh', { refreshToken: client.refreshToken });
      expect(failure(refreshed)).toEqual([401, 'invalid_refresh_token']);
    },
  };
}
