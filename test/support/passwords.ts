import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { someAddress } from './client.js';
import { newUser, type TestService } from './service.js';

export const JSON_TYPE = { 'content-type': 'application/json' };

/** The format of `werkzeug.security.generate_password_hash`: the salt is text, the digest is hexadecimal. */
export const werkzeugPbkdf2 = (password: string, salt = 'aBcDeF12'): string =>
  `pbkdf2:sha256:150000$${salt}$${pbkdf2Sync(password, salt, 150_000, 32, 'sha256').toString('hex')}`;

export const werkzeugScrypt = (password: string, salt = 'aBcDeF12GhIjKl34'): string => {
  const options = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
  return `scrypt:32768:8:1$${salt}$${scryptSync(password, salt, 64, options).toString('hex')}`;
};

/** The most work that a stored hash may ask for. No password matches it. */
export const SLOW_HASH = `pbkdf2:sha512:2000000$aBcDeF12$${'0'.repeat(128)}`;

/** Users with passwords, and sign-ins with them. */
export function createPasswordActions(getService: () => TestService) {
  const query = (sql: string, parameters: unknown[]) => getService().dataSource.query<any[]>(sql, parameters);

  const createUser = async (overrides: Record<string, unknown> = {}) => {
    const values = newUser(overrides);
    const { status, body } = await getService().admin.post('/users', values);
    expect(status).toBe(201);
    return { ...values, id: body.id as number };
  };

  /** A user with this hash, as if the Flask service had written it. */
  const createUserWithHash = async (hash: string) => {
    const user = await createUser();
    await query('UPDATE users SET password_hash = ? WHERE id = ?', [hash, user.id]);
    return user;
  };

  return {
    createUser,
    createUserWithHash,
    signIn: (email: unknown, password: unknown) => getService().anonymous.post('/login', { email, password }),
    /** Sends a body as it is, and returns the raw text of the response. */
    send: async (body: RequestInit['body'], headers: Record<string, string> = JSON_TYPE) => {
      const response = await fetch(`${getService().anonymous.url}/login`, {
        method: 'POST',
        headers: { 'x-forwarded-for': someAddress(), ...headers },
        body,
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    rowOf: async (id: number) => (await query('SELECT * FROM users WHERE id = ?', [id]))[0],
    countSessions: async (id: number) => (await query('SELECT id FROM sessions WHERE user_id = ?', [id])).length,
    /** One login of each kind, whose refusals must be indistinguishable. */
    createRefusedLogins: async (): Promise<Record<string, { email: string; password: string }>> => {
      const [known, deleted, invited, legacy] = await Promise.all([
        createUser(),
        createUser(),
        createUser({ password: undefined }),
        createUserWithHash(werkzeugPbkdf2('the old password')),
      ]);
      expect((await getService().admin.delete(`/users/${deleted.id}`)).status).toBe(204);
      return {
        'wrong password': { email: known.email, password: 'not the password' },
        'unknown e-mail': { email: newUser().email, password: known.password },
        'deleted user': { email: deleted.email, password: deleted.password },
        'user without a password': { email: invited.email, password: 'battery staple' },
        'wrong password of a Werkzeug hash': { email: legacy.email, password: 'not the password' },
      };
    },
  };
}
