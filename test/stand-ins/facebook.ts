import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Fault, misbehave } from './faults.js';

export interface FacebookAccount {
  id: unknown;
  email?: unknown;
}

interface Grant {
  account: FacebookAccount;
  redirectUri: string;
  challenge: string | null;
}

/** The server side of Facebook Login: dialog, access token, /me, and Facebook's error format. */
export class FacebookStandIn {
  static readonly clientId = '1234567890';
  static readonly clientSecret = 'the secret that Facebook has given us';

  /** The account at the browser; null cancels the sign-in. */
  account: FacebookAccount | null = null;
  faults: Record<string, Fault> = {};
  redirectUris: string[] = [];

  private readonly codes = new Map<string, Grant>();
  private readonly accessTokens = new Map<string, FacebookAccount>();

  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  get env(): Record<string, string> {
    return {
      FACEBOOK_CLIENT_ID: FacebookStandIn.clientId,
      FACEBOOK_CLIENT_SECRET: FacebookStandIn.clientSecret,
      FACEBOOK_AUTHORIZE_URL: `${this.url}/dialog/oauth`,
      FACEBOOK_ACCESS_TOKEN_URL: `${this.url}/oauth/access_token`,
      // The configuration of the Flask service.
      FACEBOOK_USER_INFO_URL: `${this.url}/me?fields=id,name,email`,
    };
  }

  static async start(): Promise<FacebookStandIn> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const facebook = new FacebookStandIn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url!, facebook.url);
      const fault = facebook.faults[url.pathname];
      if (fault) return misbehave(fault, response);
      if (url.pathname === '/dialog/oauth') return facebook.dialog(url.searchParams, response);
      if (url.pathname === '/oauth/access_token') return void facebook.token(request, response);
      if (url.pathname === '/me') return facebook.me(url.searchParams, request, response);
      return refuse(response, 404, 'Unknown path components');
    });
    return facebook;
  }

  private dialog(query: URLSearchParams, response: ServerResponse): void {
    const redirectUri = query.get('redirect_uri') ?? '';
    if (query.get('client_id') !== FacebookStandIn.clientId) return refuse(response, 400, 'Invalid App ID');
    if (!this.redirectUris.includes(redirectUri)) return refuse(response, 400, `Can't Load URL`);
    const back = new URL(redirectUri);
    back.searchParams.set('state', query.get('state') ?? '');
    if (this.account) {
      const code = randomUUID();
      this.codes.set(code, { account: this.account, redirectUri, challenge: query.get('code_challenge') });
      back.searchParams.set('code', code);
    } else {
      back.searchParams.set('error', 'access_denied');
      back.searchParams.set('error_reason', 'user_denied');
      back.searchParams.set('error_description', '<script>alert(1)</script>');
    }
    response.writeHead(302, { location: `${back.href}#_=_` }).end();
  }

  private async token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    const grant = this.codes.get(form.get('code') ?? '');
    this.codes.delete(form.get('code') ?? '');
    if (form.get('client_secret') !== FacebookStandIn.clientSecret)
      return refuse(response, 400, 'Error validating client secret.');
    if (!grant) return refuse(response, 400, 'This authorization code has been used.', 100);
    if (grant.redirectUri !== form.get('redirect_uri'))
      return refuse(response, 400, 'redirect_uri is not identical', 100);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant.challenge !== challenge) return refuse(response, 400, 'Error validating verification code.', 100);
    const accessToken = randomUUID();
    this.accessTokens.set(accessToken, grant.account);
    sendJson(response, 200, { access_token: accessToken, token_type: 'bearer', expires_in: 5_183_944 });
  }

  private me(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    const accessToken = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const account = this.accessTokens.get(accessToken);
    if (!account || query.has('access_token')) return refuse(response, 400, 'Invalid OAuth access token.', 190);
    const proof = createHmac('sha256', FacebookStandIn.clientSecret).update(accessToken).digest('hex');
    if (query.get('appsecret_proof') !== proof) return refuse(response, 400, 'Invalid appsecret_proof', 100);
    if (query.getAll('fields').join() !== 'id,email')
      return refuse(response, 400, 'Tried accessing unknown fields', 100);
    sendJson(response, 200, account);
  }
}

function refuse(response: ServerResponse, status: number, message: string, code = 1): void {
  sendJson(response, status, { error: { message, type: 'OAuthException', code, fbtrace_id: 'AbC' } });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
