import { createHash, randomBytes } from 'node:crypto';
import { FacebookStandIn } from '../stand-ins/facebook.js';
import { GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from './browser.js';
import type { Answer, Client } from './client.js';
import type { Kind } from './databases.js';
import { startService, type TestService, unique } from './service.js';

export const RETURN_TO = 'https://app.example.com/signed-in';

export type ProviderName = 'google' | 'facebook';

/** A verifier and its S256 challenge (RFC 7636). */
export function createPkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export const createSubject = (): string => `subject-${unique()}`;

/** A response that tells nothing about the provider's failure. */
export function expectUnavailable({ status, body, headers }: Answer): void {
  expect([status, body.code]).toEqual([503, 'provider_unavailable']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(JSON.stringify(body)).not.toMatch(/secret|metadata|ECONN|\/(token|me)\b/);
}

/** The service with Google and Facebook, as servers of their protocols. */
export class ProviderLogin {
  private constructor(
    readonly service: TestService,
    readonly google: GoogleStandIn,
    readonly facebook: FacebookStandIn,
  ) {}

  static async start(kind: Kind): Promise<ProviderLogin> {
    const [google, facebook] = await Promise.all([GoogleStandIn.start(), FacebookStandIn.start()]);
    const env = { ...google.env, ...facebook.env, LOGIN_RETURN_URLS: `${RETURN_TO}, http://localhost:3000/` };
    const service = await startService(kind, { env });
    google.register(`${service.anonymous.url}/login/google/callback`);
    facebook.redirectUris = [`${service.anonymous.url}/login/facebook/callback`];
    return new ProviderLogin(service, google, facebook);
  }

  reset(): void {
    Object.assign(this.google, { account: null, faults: {}, forge: undefined });
    Object.assign(this.facebook, { account: null, faults: {} });
    this.service.clock.reset();
  }

  async close(): Promise<void> {
    await Promise.all([this.service.close(), this.google.close(), this.facebook.close()]);
  }

  /** The account that signs in at the provider, with a verified e-mail. */
  setAccount(provider: ProviderName, subject: string, email?: string): void {
    if (provider === 'google') this.google.account = { sub: subject, email, email_verified: true };
    else this.facebook.account = { id: subject, email };
  }

  /** A user who has signed in with this provider. */
  async createLinkedUser(
    provider: ProviderName,
  ): Promise<Client & { id: number; email: string; password: string; sub: string }> {
    const user = await this.service.user();
    const sub = createSubject();
    this.setAccount(provider, sub, user.email);
    const { status } = await new Browser(this.service.anonymous).walk(`/login/${provider}`);
    expect(status).toBe(200);
    return Object.assign(user, { sub });
  }

  async getProfile({ accessToken }: { accessToken: string }): Promise<any> {
    return (await this.service.anonymous.as(accessToken).get('/me')).body;
  }

  async countRows(table: string): Promise<number> {
    const [row] = await this.service.dataSource.query<[{ n: number }]>(`SELECT COUNT(*) AS n FROM ${table}`);
    return Number(row.n);
  }

  /** The address of Google to which a sign-in redirects. */
  async getProviderUrl(browser: Browser): Promise<URL> {
    const start = new URL('/login/google', this.service.anonymous.url);
    const { status, body } = await browser.get(start, { accept: 'application/json' });
    expect(status).toBe(200);
    return new URL(body.uri as string);
  }
}
