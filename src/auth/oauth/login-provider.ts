import type OAuth2Strategy from 'passport-oauth2';
import type { ProviderAccount } from '../../users/identities.service.js';
import type { Provider } from '../../users/identity.entity.js';
import { providerFetch } from './provider-fetch.js';

/** What one request of a sign-in brings with it. */
export interface AuthorizationRequest {
  /** The redirect address, as registered at the provider. */
  callbackUrl: string;
  /** Keeps state, nonce and PKCE verifier between the steps. */
  store: StateStore;
  /** Bounds all that is asked of the provider. */
  signal: AbortSignal;
}

/** As passport-oauth2 calls it, which goes by the number of parameters. */
export interface StateStore {
  /** New for every start; at the callback the one that was sent, once the state has been verified. */
  nonce: string;
  store: (request: unknown, verifier: string, state: unknown, meta: unknown, done: Stored) => void;
  verify: (request: unknown, state: unknown, meta: unknown, done: Verified) => void;
}
type Stored = (error: unknown, state?: string) => void;
type Verified = (error: unknown, verifier?: string, state?: unknown) => void;

/** Google or Facebook: makes a passport strategy for each request. */
export interface LoginProvider {
  readonly name: Provider;
  readonly isConfigured: boolean;
  strategy: (attempt: AuthorizationRequest) => Promise<OAuth2Strategy>;
}

/** What a strategy of ours finds out. */
export type Done = (error: unknown, account?: ProviderAccount) => void;

type Ask = (
  method: string,
  url: string,
  headers: Record<string, string>,
  body: string,
  token: string | null,
  done: (error: unknown, text?: string, response?: unknown) => void,
) => void;

/**
 * passport-oauth2 asks without any limit of time or size. It reports what we throw as `oauthError` of its own error,
 * and may itself throw at answers that are JSON, but not an object.
 */
export function boundRequests(strategy: OAuth2Strategy, signal: AbortSignal): void {
  const { _oauth2: client } = strategy as unknown as {
    _oauth2: { _request: Ask; useAuthorizationHeaderforGET: (use: boolean) => void };
  };
  // in the query, tokens would be in every log on the way
  client.useAuthorizationHeaderforGET(true);
  client._request = (method, url, headers, body, _token, done) => {
    providerFetch(url, signal, { method, headers, body: method === 'GET' ? undefined : body })
      .then(({ status, text }) => (status < 300 ? done(null, text, {}) : done({ statusCode: status, data: text })))
      .catch(done);
  };
}
