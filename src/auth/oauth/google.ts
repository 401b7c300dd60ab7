import { Injectable } from '@nestjs/common';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import { Strategy, type StrategyOptions } from 'passport-google-oauth20';
import type OAuth2Strategy from 'passport-oauth2';
import { Clock } from '../../config/clock.js';
import { Env } from '../../config/env.js';
import { Problem } from '../../problems/problem.js';
import type { ProviderAccount } from '../../users/identities.service.js';
import { type AuthorizationRequest, boundRequests, type Done, type LoginProvider } from './login-provider.js';
import { PROVIDER_TIMEOUT_MS, providerFetch, within } from './provider-fetch.js';

const FRESH_MS = 60 * 60 * 1000;
/** Google's own keys rarely change, and its addresses never did: better old ones than nobody signing in. */
const STALE_MS = 24 * FRESH_MS;
/** While there are old ones, new ones are not waited for until nothing is left of the time for the rest of a sign-in. */
const RENEWAL_MS = 1_000;
const RETRY_MS = 60 * 1000;
const CLOCK_SKEW_S = 60;

interface Discovered {
  issuer: string;
  authorizationUrl: string;
  tokenUrl: string;
  keysUrl: string;
  keys: ReturnType<typeof createRemoteJWKSet>;
  readAt: number;
  freshUntil: number;
}

/** OpenID Connect with Google. Who somebody is comes from the id_token alone, whose signature is Google's. */
@Injectable()
export class Google implements LoginProvider {
  readonly name = 'google';
  private discovered?: Discovered;

  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
  ) {}

  get isConfigured(): boolean {
    return Boolean(this.env.GOOGLE_CLIENT_ID && this.env.GOOGLE_CLIENT_SECRET);
  }

  async strategy({ callbackUrl, store, signal }: AuthorizationRequest): Promise<OAuth2Strategy> {
    const endpoints = await this.discover(signal);
    const options: StrategyOptions = {
      clientID: this.env.GOOGLE_CLIENT_ID!,
      clientSecret: this.env.GOOGLE_CLIENT_SECRET!,
      callbackURL: callbackUrl,
      authorizationURL: endpoints.authorizationUrl,
      tokenURL: endpoints.tokenUrl,
      scope: ['openid', 'email'],
      skipUserProfile: true,
      pkce: true,
      store: store as never,
    };
    const strategy: OAuth2Strategy = new Strategy(
      options,
      (_access: string, _refresh: string, { id_token }: { id_token?: unknown }, _profile: unknown, done: Done) =>
        void within(signal, this.accountOf(id_token, store.nonce, endpoints)).then(
          (account) => done(null, account),
          done,
        ),
    );
    strategy.authorizationParams = () => ({ nonce: store.nonce, prompt: 'select_account' });
    boundRequests(strategy, signal);
    return strategy;
  }

  /** OpenID Connect Core, 3.1.3.7. */
  private async accountOf(idToken: unknown, nonce: string, { issuer, keys }: Discovered): Promise<ProviderAccount> {
    const { payload } = await jwtVerify(String(idToken), keys, {
      algorithms: ['RS256'],
      issuer,
      audience: this.env.GOOGLE_CLIENT_ID!,
      requiredClaims: ['sub', 'iat', 'exp', 'nonce'],
      currentDate: this.clock.now(),
      clockTolerance: CLOCK_SKEW_S,
    });
    const { sub, email, email_verified: isVerified, azp } = payload;
    const isOurs = azp === undefined || azp === this.env.GOOGLE_CLIENT_ID;
    if (payload.nonce !== nonce || !isOurs || !sub || sub.length > 255) throw new Problem('provider_login_failed');
    return { provider: 'google', subject: sub, email: isVerified === true && typeof email === 'string' ? email : null };
  }

  /** Checks that Google's addresses can be had; for `doctor`. */
  async discover(signal = AbortSignal.timeout(PROVIDER_TIMEOUT_MS)): Promise<Discovered> {
    const now = this.clock.now().getTime();
    const known = this.discovered;
    if (known && now < known.freshUntil) return known;
    const old = known && now - known.readAt < STALE_MS ? known : undefined;
    const bound = old ? AbortSignal.any([signal, AbortSignal.timeout(RENEWAL_MS)]) : signal;
    try {
      const { status, text } = await providerFetch(this.env.GOOGLE_DISCOVERY_URL, bound);
      const read = JSON.parse(text) as Record<string, unknown>;
      const [issuer, authorizationUrl, tokenUrl, keysUrl] = [
        read.issuer,
        ...['authorization_endpoint', 'token_endpoint', 'jwks_uri'].map((name) => new URL(String(read[name])).href),
      ] as [string, string, string, string];
      if (status !== 200 || typeof issuer !== 'string') throw new Problem('provider_unavailable');
      const keys =
        known?.keysUrl === keysUrl ? known.keys : createRemoteJWKSet(new URL(keysUrl), { [customFetch]: fetchKeys });
      this.discovered = { issuer, authorizationUrl, tokenUrl, keysUrl, keys, readAt: now, freshUntil: now + FRESH_MS };
      return this.discovered;
    } catch {
      if (!old) throw new Problem('provider_unavailable');
      old.freshUntil = now + RETRY_MS;
      return old;
    }
  }
}

/** For `createRemoteJWKSet`, whose own has no limit of size. */
async function fetchKeys(url: string, { signal }: { signal?: AbortSignal }): Promise<Response> {
  const bound = AbortSignal.timeout(PROVIDER_TIMEOUT_MS / 2);
  const { status, text } = await providerFetch(url, signal ? AbortSignal.any([signal, bound]) : bound);
  return new Response(text, { status });
}
