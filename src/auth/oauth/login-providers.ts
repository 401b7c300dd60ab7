import { Injectable } from '@nestjs/common';
import { Env } from '../../config/env.js';
import { Problem } from '../../problems/problem.js';
import type { Provider } from '../../users/identity.entity.js';
import { Facebook } from './facebook.js';
import { Google } from './google.js';
import type { LoginProvider } from './login-provider.js';
import type { StartLoginQuery } from './oauth.dto.js';

/** With whom one can sign in, and where one may be sent back to. */
@Injectable()
export class LoginProviders {
  private readonly providers: Record<Provider, LoginProvider>;

  constructor(
    private readonly env: Env,
    google: Google,
    facebook: Facebook,
  ) {
    this.providers = { google, facebook };
  }

  get(name: string): LoginProvider {
    const provider = Object.hasOwn(this.providers, name) ? this.providers[name as Provider] : undefined;
    if (!provider) throw new Problem('not_found');
    if (!provider.isConfigured) throw new Problem('provider_not_configured');
    return provider;
  }

  /** Of `LOGIN_RETURN_URLS`, the query aside: an open redirect would hand codes to whoever asks (RFC 9700, 4.11). */
  checkReturn({ returnTo, codeChallenge }: StartLoginQuery): void {
    if (returnTo === undefined) {
      if (codeChallenge === undefined) return;
      throw Problem.invalid([{ pointer: 'codeChallenge', code: 'not_allowed', message: 'Requires `returnTo`.' }]);
    }
    // what a URL parser would forgive (https:evil, a backslash, spaces, somebody@) is refused before it is parsed
    const isPlain = /^https?:\/\/[^\s\\@#]+$/.test(returnTo) && URL.canParse(returnTo);
    if (!isPlain || !this.env.LOGIN_RETURN_URLS.includes(withoutQuery(returnTo)))
      throw Problem.invalid([
        { pointer: 'returnTo', code: 'not_allowed', message: 'Must be one of the URLs in LOGIN_RETURN_URLS.' },
      ]);
  }
}

function withoutQuery(address: string): string {
  const url = new URL(address);
  url.search = '';
  return url.href;
}
