import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import Provider, { type AdapterConstructor, type Configuration, interactionPolicy } from 'oidc-provider';
// @ts-expect-error: not in its types
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import { type Fault, misbehave } from './faults.js';

export interface GoogleAccount {
  sub: string;
  email?: string;
  email_verified?: boolean | string;
}

/** Replaces the id_token: with another claim, another key, or no algorithm. */
export type Forge = (claims: JWTPayload, sign: Sign) => Promise<string>;
type Sign = (claims: JWTPayload) => Promise<string>;

/** A subclass, because the provider warns about the class MemoryAdapter itself. */
class InMemory extends (MemoryAdapter as AdapterConstructor) {}

/** Slow, but below the timeout of a sign-in. */
const SLOW_MS = 2_000;

export const DISCOVERY = '/.well-known/openid-configuration';

/** A real OpenID provider that behaves like Google, with faults on demand. */
export class GoogleStandIn {
  static readonly clientId = 'crm.apps.googleusercontent.example';
  static readonly clientSecret = 'the secret that Google has given us';

  /** The account at the browser; null cancels the sign-in. */
  account: GoogleAccount | null = null;
  /** Faults by path. */
  faults: Record<string, Fault | 'is slow'> = {};
  forge?: Forge;
  /** Number of requests by path. */
  readonly asked: Record<string, number> = {};

  private readonly accounts = new Map<string, GoogleAccount>();
  private provider?: Provider;

  private constructor(
    readonly url: string,
    private readonly jwk: object,
    readonly close: () => Promise<void>,
  ) {}

  get env(): Record<string, string> {
    return {
      GOOGLE_CLIENT_ID: GoogleStandIn.clientId,
      GOOGLE_CLIENT_SECRET: GoogleStandIn.clientSecret,
      GOOGLE_DISCOVERY_URL: `${this.url}${DISCOVERY}`,
    };
  }

  static async start(): Promise<GoogleStandIn> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: 'of-the-stand-in', use: 'sig', alg: 'RS256' };
    const google = new GoogleStandIn(url, jwk, () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    const sign: Sign = (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: jwk.kid }).sign(privateKey);
    server.on('request', (request, response) => google.handle(request, response, sign));
    google.register();
    return google;
  }

  /** Sets the redirect addresses of the client, as in Google's console. */
  register(...redirectUris: string[]): void {
    this.provider = new Provider(this.url, this.configuration(this.jwk, redirectUris));
  }

  private handle(request: IncomingMessage, response: ServerResponse, sign: Sign): void {
    const path = request.url!.split('?', 1)[0]!;
    this.asked[path] = (this.asked[path] ?? 0) + 1;
    const fault = this.faults[path];
    const respond = (): void => this.respond(path, request, response, sign);
    if (fault === 'is slow') setTimeout(respond, SLOW_MS);
    else if (fault) misbehave(fault, response);
    else respond();
  }

  private respond(path: string, request: IncomingMessage, response: ServerResponse, sign: Sign): void {
    if (path.startsWith('/interaction/')) return void this.interact(request, response);
    if (path === '/token' && this.forge) replaceIdToken(response, this.forge, sign);
    void this.provider!.callback()(request, response);
  }

  private configuration(jwk: object, redirectUris: string[]): Configuration {
    const policy = interactionPolicy.base();
    policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
    return {
      adapter: InMemory,
      clients: [
        {
          client_id: GoogleStandIn.clientId,
          client_secret: GoogleStandIn.clientSecret,
          redirect_uris: redirectUris,
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      jwks: { keys: [jwk] },
      cookies: { keys: ['of the stand-in'] },
      // Google puts the e-mail into the id_token.
      conformIdTokenClaims: false,
      claims: { openid: ['sub'], email: ['email', 'email_verified'] },
      pkce: { required: () => false },
      features: { devInteractions: { enabled: false } },
      interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...this.accounts.get(sub)! }) }),
      loadExistingGrant: async (context) => {
        const grant = new context.oidc.provider.Grant({
          clientId: context.oidc.client!.clientId,
          accountId: context.oidc.session!.accountId,
        });
        grant.addOIDCScope('openid email');
        await grant.save();
        return grant;
      },
      ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    };
  }

  private async interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { account } = this;
    if (account) this.accounts.set(account.sub, account);
    await this.provider!.interactionFinished(
      request,
      response,
      account
        ? { login: { accountId: account.sub }, select_account: {}, consent: {} }
        : { error: 'access_denied', error_description: '<script>alert(1)</script>' },
      { mergeWithLastSubmission: false },
    );
  }
}

/** Intercepts the response of the token endpoint. */
function replaceIdToken(response: ServerResponse, forge: Forge, sign: Sign): void {
  const end = response.end.bind(response);
  response.end = ((body: string | Buffer) => {
    const tokens = JSON.parse(String(body)) as { id_token?: string };
    if (!tokens.id_token) return end(body);
    void forge(decodeJwt(tokens.id_token), sign).then((forged) => {
      const text = JSON.stringify({ ...tokens, id_token: forged });
      response.setHeader('content-length', Buffer.byteLength(text));
      end(text);
    });
    return response;
  }) as typeof response.end;
}
