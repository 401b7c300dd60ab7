import { ApiProperty } from '@nestjs/swagger';
import { MatchesPattern, OptionalNotNull, RawString } from '../../validation/fields.js';

/** RFC 7636: of 32 bytes, in base64url. */
const CHALLENGE = /^[\w-]{43}$/;
const VERIFIER = /^[\w.~-]{43,128}$/;

export class StartLoginQuery {
  /**
   * Where the browser is sent afterwards, with `?code=` for POST /login/exchange, or `?error=` with the code of a
   * problem. One of the addresses that the service was set up with; it may have a query of its own. Without it the
   * callback answers with the tokens.
   * @example 'https://app.example.com/signed-in'
   */
  @OptionalNotNull()
  @RawString(1024)
  returnTo?: string;

  /**
   * The S256 challenge (RFC 7636) of a verifier that you keep: then only you can use the code. Recommended.
   * @example 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
   */
  @OptionalNotNull()
  @MatchesPattern(CHALLENGE, 'Must be a SHA-256 hash in base64url.')
  codeChallenge?: string;
}

export class ProviderUriDto {
  /**
   * Where to send the browser, which has to have the cookie of this answer. With `fetch` it keeps that if the request
   * has `credentials: 'include'` and comes from the same site, as from app.example.com to crm.example.com.
   */
  @ApiProperty({ format: 'uri', example: 'https://accounts.google.com/o/oauth2/v2/auth?client_id=…' })
  uri: string;
}

export class ExchangeCodeDto {
  /** Of the address that the browser was sent back to. It lives for 60 seconds and works once. */
  @RawString(1024)
  code: string;

  /** Required if `codeChallenge` was sent. */
  @OptionalNotNull()
  @MatchesPattern(VERIFIER, 'Must have 43 to 128 unreserved characters (RFC 7636).')
  codeVerifier?: string;
}
