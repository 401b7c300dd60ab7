import { Injectable } from '@nestjs/common';
import { type Profile, Strategy, type StrategyOptions } from 'passport-facebook';
import type OAuth2Strategy from 'passport-oauth2';
import { Env } from '../../config/env.js';
import { Problem } from '../../problems/problem.js';
import { type AuthorizationRequest, type Done, limitRequests, type LoginProvider } from './login-provider.js';

/** Facebook Login. It signs nothing: the account comes from its API, requested with a proof of the app's secret. */
@Injectable()
export class Facebook implements LoginProvider {
  readonly name = 'facebook';

  constructor(private readonly env: Env) {}

  get isConfigured(): boolean {
    return Boolean(this.env.FACEBOOK_CLIENT_ID && this.env.FACEBOOK_CLIENT_SECRET);
  }

  createStrategy({ callbackUrl, store, signal }: AuthorizationRequest): Promise<OAuth2Strategy> {
    const options: StrategyOptions = {
      clientID: this.env.FACEBOOK_CLIENT_ID!,
      clientSecret: this.env.FACEBOOK_CLIENT_SECRET!,
      callbackURL: callbackUrl,
      authorizationURL: this.env.FACEBOOK_AUTHORIZE_URL,
      tokenURL: this.env.FACEBOOK_ACCESS_TOKEN_URL,
      profileURL: removeFields(this.env.FACEBOOK_USER_INFO_URL),
      profileFields: ['id', 'emails'],
      enableProof: true,
      scope: ['email'],
      pkce: true,
      store: store as never,
    };
    const strategy: OAuth2Strategy = new Strategy(
      options,
      (_access: string, _refresh: string, profile: Profile, done: Done) => {
        const { id: subject, email } = profile._json as { id?: unknown; email?: unknown };
        if (typeof subject !== 'string' || !subject || subject.length > 255)
          return done(new Problem('provider_login_failed'));
        // Facebook returns only addresses that it has confirmed.
        done(null, { provider: 'facebook', subject, email: typeof email === 'string' ? email : null });
      },
    );
    limitRequests(strategy, signal);
    return Promise.resolve(strategy);
  }
}

/** The configuration of the Flask service may contain the fields; the strategy adds them itself. */
function removeFields(address: string): string {
  const url = new URL(address);
  url.searchParams.delete('fields');
  return url.href;
}
