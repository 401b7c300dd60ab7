import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { CurrentPassword, MatchesPattern, OptionalNotNull, RawString } from '../../validation/fields.js';

/** RFC 7636: 32 bytes in base64url. */
const CHALLENGE = /^[\w-]{43}$/;
const VERIFIER = /^[\w.~-]{43,128}$/;

export class StartLoginQuery {
  /**
   * Address of your frontend that the browser returns to, with `?code=` for POST /login/exchange, or `?error=` with the
   * code of a problem. It must be one of the addresses that the service is configured with; it may have a query.
   * Without `returnTo` the callback responds with the tokens.
   * @example 'https://app.example.com/signed-in'
   */
  @OptionalNotNull()
  @RawString(1024, { format: 'uri' })
  returnTo?: string;

  /**
   * The S256 challenge (RFC 7636) of a verifier that you keep, so that only you can use the code. Recommended.
   * Requires `returnTo`.
   * @example 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
   */
  @OptionalNotNull()
  @MatchesPattern(CHALLENGE, 'Must be a SHA-256 hash in base64url.')
  codeChallenge?: string;
}

@ApiSchema({ description: 'Proof that the request is made by the owner of the session.' })
export class ReauthenticationDto {
  /** Your password. Required if you signed in more than 5 minutes ago. */
  @OptionalNotNull()
  @CurrentPassword()
  password?: string;
}

@ApiSchema({ description: 'Where a provider sign-in starts.' })
export class ProviderUriDto {
  /**
   * Address of the provider: redirect the browser to it. The browser must have the cookie of this response. `fetch`
   * stores it if the request has `credentials: 'include'` and is same-site, such as from app.example.com to
   * crm.example.com.
   */
  @ApiProperty({ format: 'uri', example: 'https://accounts.google.com/o/oauth2/v2/auth?client_id=crm&state=c2VhbGVk' })
  uri: string;
}

@ApiSchema({ description: 'A one-time code of a provider sign-in.' })
export class ExchangeCodeDto {
  /**
   * The `code` in the address that the browser returned to. Expires after 60 seconds. Single use.
   * @example 'c2VhbGVkLW9uZS10aW1lLWNvZGU'
   */
  @RawString(1024)
  code: string;

  /** Required if the sign-in was started with `codeChallenge`. */
  @OptionalNotNull()
  @MatchesPattern(VERIFIER, 'Must have 43 to 128 unreserved characters (RFC 7636).')
  codeVerifier?: string;
}
