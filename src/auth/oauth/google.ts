import { Injectable } from '@nestjs/common';
import { jwtVerify } from 'jose';
import { Strategy, type StrategyOptions } from 'passport-google-oauth20';
import type OAuth2Strategy from 'passport-oauth2';
import { Clock } from '../../config/clock.js';
import { Env } from '../../config/env.js';
import { Problem } from '../../problems/problem.js';
import type { ProviderAccount } from '../../users/identities.service.js';
import { GoogleDiscovery, type GoogleEndpoints } from './google-discovery.js';
import { type AuthorizationRequest, type Done, limitRequests, type LoginProvider } from './login-provider.js';
import { withAbort } from './provider-fetch.js';

const CLOCK_SKEW_S = 60;

/** OpenID Connect with Google. The account comes only from the id_token, which Google signs. */
@Injectable()
export class Google implements LoginProvider {
  readonly name = 'google';
  readonly discovery: GoogleDiscovery;

  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
  ) {
    this.discovery = new GoogleDiscovery(env, clock);
  }

  get isConfigured(): boolean {
    return Boolean(this.env.GOOGLE_CLIENT_ID && this.env.GOOGLE_CLIENT_SECRET);
  }

  async createStrategy({ callbackUrl, store, signal }: AuthorizationRequest): Promise<OAuth2Strategy> {
    const endpoints = await this.discovery.getEndpoints(signal);
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
        void withAbort(signal, this.verifyIdToken(id_token, store.nonce, endpoints)).then(
          (account) => done(null, account),
          done,
        ),
    );
    strategy.authorizationParams = () => ({ nonce: store.nonce, prompt: 'select_account' });
    limitRequests(strategy, signal);
    return strategy;
  }

  /** OpenID Connect Core, 3.1.3.7. */
  private async verifyIdToken(
    idToken: unknown,
    nonce: string,
    { issuer, keys }: GoogleEndpoints,
  ): Promise<ProviderAccount> {
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
}
