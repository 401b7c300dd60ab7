import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type OAuth2Strategy from 'passport-oauth2';
import { Env } from '../../config/env.js';
import type { Caller, Client } from '../../http/request-context.js';
import type { ProblemCode } from '../../problems/catalog.js';
import { Problem } from '../../problems/problem.js';
import { IdentitiesService, type ProviderAccount } from '../../users/identities.service.js';
import type { Provider } from '../../users/identity.entity.js';
import type { User } from '../../users/user.entity.js';
import { UsersService } from '../../users/users.service.js';
import { validateDto } from '../../validation/validate-dto.js';
import { AuthService } from '../auth.service.js';
import type { TokensDto } from '../login.dto.js';
import { Facebook } from './facebook.js';
import { Google } from './google.js';
import { createBrowserId } from './login-cookie.js';
import type { LoginProvider, StateStore } from './login-provider.js';
import { type LoginState, LoginStates } from './login-state.js';
import { type ExchangeCodeDto, StartLoginQuery } from './oauth.dto.js';
import { OneTimeTokens } from './one-time-tokens.js';
import { PROVIDER_TIMEOUT_MS } from './provider-fetch.js';
import { addOutcome, checkReturnTo, isReturnUrl } from './return-to.js';

const CODE_MS = 60_000;

/** A request to one of the routes of a provider. */
export interface ProviderRequest {
  provider: string;
  origin: string;
  query: unknown;
  /** From the cookie. */
  browserId: string | undefined;
}

/** The content of the one-time code for a frontend. */
interface LoginCode {
  userId: number;
  epoch: number;
  codeChallenge?: string;
}

/**
 * Sign-in with Google or Facebook: the authorization code flow of OAuth 2.0 (RFC 6749) with PKCE (RFC 7636).
 *
 * 1. `begin`: ProviderGuard redirects the browser to the provider, with an encrypted state and a cookie.
 * 2. `resume`: the provider redirects it to the callback. The guard lets passport verify the state, exchange the
 *    provider's code and read the account.
 * 3. `complete`: the handler signs the account's user in. A frontend gets a one-time code instead of the tokens.
 * 4. `exchange`: the frontend exchanges that code for the tokens.
 */
@Injectable()
export class OAuthService {
  private readonly providers: Record<Provider, LoginProvider>;

  constructor(
    private readonly env: Env,
    google: Google,
    facebook: Facebook,
    private readonly auth: AuthService,
    private readonly users: UsersService,
    private readonly identities: IdentitiesService,
    private readonly states: LoginStates,
    private readonly tokens: OneTimeTokens,
  ) {
    this.providers = { google, facebook };
  }

  /** The strategy that redirects to the provider. With a caller, the account is linked to that user. */
  async begin(request: ProviderRequest, caller?: Caller): Promise<{ strategy: OAuth2Strategy; browserId: string }> {
    const { provider, callbackUrl } = this.getProvider(request);
    const query = await validateDto(StartLoginQuery, request.query, 'query');
    const { LOGIN_RETURN_URLS, DOCS } = this.env;
    // the page of our own documentation has a sign-in form
    checkReturnTo(query, DOCS ? [...LOGIN_RETURN_URLS, `${request.origin}/docs`] : LOGIN_RETURN_URLS);
    const browserId = request.browserId ?? createBrowserId();
    const link = caller && { userId: caller.userId, sessionId: caller.sessionId };
    const store = this.states.createIssuingStore({ ...query, provider: provider.name, link }, browserId);
    return { strategy: await createStrategy(provider, callbackUrl, store), browserId };
  }

  /** The strategy that verifies the state and reads the account. */
  async resume(request: ProviderRequest): Promise<OAuth2Strategy> {
    const { provider, callbackUrl } = this.getProvider(request);
    const { error, error_code } = request.query as Record<string, unknown>;
    // Without any of these, passport would start a new sign-in.
    if (!this.canComplete(request) && !error && !error_code) throw new Problem('invalid_login_state');
    return createStrategy(provider, callbackUrl, this.states.createVerifyingStore(provider.name, request.browserId));
  }

  /** Whether a callback has a code, and a state of this browser. Only then is the provider asked. */
  canComplete({ provider, query, browserId }: ProviderRequest): boolean {
    const { code, state } = query as Record<string, unknown>;
    return Boolean(code) && this.states.verify(state, provider as Provider, browserId) !== undefined;
  }

  /** The tokens, or the address of the frontend with a one-time code for them. */
  async complete(account: ProviderAccount, state: LoginState, client: Client): Promise<TokensDto | string> {
    const user = state.link
      ? await this.link(account, state.link, client)
      : await this.identities.findUser(account, client.requestId);
    if (!user) throw new Problem('not_registered');
    const { returnTo, codeChallenge } = state;
    if (returnTo === undefined) return this.auth.startSession(user, client);
    const code: LoginCode = { userId: user.id, epoch: user.sessionEpoch, codeChallenge };
    return addOutcome(returnTo, 'code', this.tokens.issue('login-code', code, CODE_MS));
  }

  async exchange({ code, codeVerifier }: ExchangeCodeDto, client: Client): Promise<TokensDto> {
    const opened = this.tokens.open<LoginCode>('login-code', code);
    const isOwner = opened && verifyChallenge(opened.content.codeChallenge, codeVerifier ?? undefined);
    const user = isOwner && (await this.users.find(opened.content.userId));
    if (!user || user.sessionEpoch !== opened.content.epoch || !(await this.tokens.consume(opened)))
      throw new Problem('invalid_login_code');
    return this.auth.startSession(user, client);
  }

  /** The address of the frontend that starts a sign-in, with an error code; undefined without an allowed one. */
  findStartErrorRedirect({ query }: ProviderRequest, error: ProblemCode): string | undefined {
    const { returnTo } = query as { returnTo?: unknown };
    const isAllowed = typeof returnTo === 'string' && isReturnUrl(returnTo, this.env.LOGIN_RETURN_URLS);
    return isAllowed ? addOutcome(returnTo, 'error', error) : undefined;
  }

  /** The address of the frontend with an error code; undefined if no frontend started this sign-in in this browser. */
  findErrorRedirect({ provider, query, browserId }: ProviderRequest, error: ProblemCode): string | undefined {
    const { state } = query as { state?: unknown };
    const returnTo = this.states.verify(state, provider as Provider, browserId)?.content.returnTo;
    return returnTo === undefined ? undefined : addOutcome(returnTo, 'error', error);
  }

  /** Links only while the session that asked for it lasts. */
  private async link(account: ProviderAccount, link: NonNullable<LoginState['link']>, client: Client): Promise<User> {
    if (!(await this.auth.findCaller(link))) throw new Problem('invalid_login_state');
    return this.identities.link({ actorId: link.userId, requestId: client.requestId }, link.userId, account);
  }

  private getProvider({ provider: name, origin }: ProviderRequest): { provider: LoginProvider; callbackUrl: string } {
    const provider = Object.hasOwn(this.providers, name) ? this.providers[name as Provider] : undefined;
    if (!provider) throw new Problem('not_found');
    if (!provider.isConfigured) throw new Problem('provider_not_configured');
    if (!origin) throw new Problem('malformed_request', 'The Host header is not a valid host.');
    return { provider, callbackUrl: `${origin}/login/${provider.name}/callback` };
  }
}

const createStrategy = (provider: LoginProvider, callbackUrl: string, store: StateStore): Promise<OAuth2Strategy> =>
  provider.createStrategy({ callbackUrl, store, signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS) });

/** RFC 7636, 4.6. A verifier without a challenge is refused too: the code belongs to another sign-in. */
function verifyChallenge(challenge: string | undefined, verifier: string | undefined): boolean {
  if (challenge === undefined || verifier === undefined) return challenge === verifier;
  const hash = createHash('sha256').update(verifier).digest('base64url');
  return timingSafeEqual(Buffer.from(hash), Buffer.from(challenge));
}
