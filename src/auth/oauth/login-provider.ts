import type OAuth2Strategy from 'passport-oauth2';
import type { ProviderAccount } from '../../users/identities.service.js';
import type { Provider } from '../../users/identity.entity.js';
import { providerFetch } from './provider-fetch.js';

/** Google or Facebook. Creates a passport strategy for each request, because state, origin and timeout belong to it. */
export interface LoginProvider {
  readonly name: Provider;
  readonly isConfigured: boolean;
  createStrategy: (request: AuthorizationRequest) => Promise<OAuth2Strategy>;
}

export interface AuthorizationRequest {
  /** The redirect address, as registered at the provider. */
  callbackUrl: string;
  /** Keeps state, nonce and PKCE verifier between start and callback. */
  store: StateStore;
  /** Limits the total time of all requests to the provider. */
  signal: AbortSignal;
}

/** The interface that passport-oauth2 expects. It chooses the arguments by the number of parameters. */
export interface StateStore {
  /** New at every start. At the callback, the nonce of that start, once the state is verified. */
  nonce: string;
  store: (request: unknown, verifier: string, state: unknown, meta: unknown, done: Stored) => void;
  verify: (request: unknown, state: unknown, meta: unknown, done: Verified) => void;
}
type Stored = (error: unknown, state?: string) => void;
type Verified = (error: unknown, verifier?: string, state?: unknown) => void;

/** The callback of a strategy's verify function. */
export type Done = (error: unknown, account?: ProviderAccount) => void;

type SendRequest = (
  method: string,
  url: string,
  headers: Record<string, string>,
  body: string,
  token: string | null,
  done: (error: unknown, text?: string, response?: unknown) => void,
) => void;

/**
 * Replaces the HTTP client of passport-oauth2, which has no limit of time or size. passport-oauth2 reports what we throw
 * as `oauthError` of its own error. Its own code may throw on a JSON response that is not an object.
 */
export function limitRequests(strategy: OAuth2Strategy, signal: AbortSignal): void {
  const { _oauth2: client } = strategy as unknown as {
    _oauth2: { _request: SendRequest; useAuthorizationHeaderforGET: (use: boolean) => void };
  };
  // In the query, access tokens would appear in the logs of every proxy.
  client.useAuthorizationHeaderforGET(true);
  client._request = (method, url, headers, body, _token, done) => {
    providerFetch(url, signal, { method, headers, body: method === 'GET' ? undefined : body })
      .then(({ status, text }) => (status < 300 ? done(null, text, {}) : done({ statusCode: status, data: text })))
      .catch(done);
  };
}
