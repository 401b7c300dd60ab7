interface ProblemType {
  status: number;
  title: string;
  /**
   * What happened and what the client can do. The default `detail`; published at `/problems/<code>` and in the OpenAPI.
   */
  description: string;
}

/** Every problem that the service responds with. The filter, the OpenAPI and `/problems/:code` all read it. */
export const PROBLEMS = {
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    description: 'Members of the body or parameters are missing, unknown or invalid. `errors` lists each of them.',
  },
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    description: 'The body is not JSON in UTF-8, or the URL or a header is malformed. Nothing was changed.',
  },
  invalid_password_token: {
    status: 400,
    title: 'Invalid invitation or password reset token',
    description:
      'The token is unknown, was used before, was replaced by a newer one, has expired, or has ended because the e-mail changed or an admin signed the user out. Ask an admin for a new one.',
  },
  invalid_login_state: {
    status: 400,
    title: 'Provider sign-in must be restarted',
    description:
      'The sign-in was started in another browser, was started more than ten minutes ago, or is already complete. Start again at GET /login/google or /login/facebook.',
  },
  invalid_login_code: {
    status: 400,
    title: 'Invalid sign-in code',
    description:
      'The code is unknown, was used before, or is older than 60 seconds, or `codeVerifier` does not match the `codeChallenge`. Sign in again.',
  },
  invalid_image: {
    status: 400,
    title: 'Image cannot be decoded',
    description: 'The image is damaged or incomplete.',
  },
  wrong_password: {
    status: 400,
    title: 'Current password is wrong',
    description: '`currentPassword` is not the password of your account. The password was not changed.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    description:
      'The access token is missing, invalid or expired, or its session or user no longer exists. Refresh the token or sign in.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Wrong e-mail or password',
    description:
      'No account matches this e-mail and password. For security, the response does not say which one is wrong.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Session has ended',
    description: 'The refresh token is invalid, has expired, or was used before. Sign in again.',
  },
  provider_login_failed: {
    status: 401,
    title: 'Provider sign-in could not be verified',
    description: 'The response of Google or Facebook does not prove your identity. Sign in again.',
  },
  login_refused: {
    status: 403,
    title: 'Provider refused the sign-in',
    description: 'You cancelled the sign-in, or Google or Facebook refused it. Nothing was changed.',
  },
  not_registered: {
    status: 403,
    title: 'No user for this account',
    description:
      'No user has linked this account, and its verified e-mail matches no user who could still link an account of this provider. Ask an admin, or sign in with your password and link the account.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    description: 'This operation requires the role `admin`.',
  },
  reauthentication_required: {
    status: 403,
    title: 'Sign in again',
    description:
      'This operation needs your password in `password`, or a session that a sign-in started within the last 5 minutes. The password is wrong or missing, or you have none, and your session is older.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    description: 'No route matches this method and path.',
  },
  customer_not_found: {
    status: 404,
    title: 'Customer not found',
    description: 'No customer has this id, or the customer is deleted.',
  },
  version_not_found: {
    status: 404,
    title: 'Version not found',
    description: 'The record has no such version yet. Its history lists all versions.',
  },
  photo_not_found: {
    status: 404,
    title: 'Photo not found',
    description:
      'The URL is incomplete or has expired, or the photo was replaced or deleted. Read the customer again to get the current URL.',
  },
  user_not_found: {
    status: 404,
    title: 'User not found',
    description: 'No user has this id, or the user is deleted.',
  },
  session_not_found: {
    status: 404,
    title: 'Session not found',
    description: 'You have no session with this id, or it has ended.',
  },
  identity_not_found: {
    status: 404,
    title: 'Linked account not found',
    description: 'No account of this provider is linked.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    description: 'The path exists, but not with this method. `Allow` lists its methods.',
  },
  customer_erased: {
    status: 410,
    title: 'Customer erased',
    description:
      'The personal data of this customer was erased for good (GDPR, article 17). Only the history remains readable, without values.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    description: 'The headers must arrive within 10 seconds, the whole request within 30. Nothing was changed.',
  },
  email_taken: {
    status: 409,
    title: 'E-mail already in use',
    description: 'Another active record already uses this e-mail (case-insensitive).',
  },
  identity_taken: {
    status: 409,
    title: 'Account is linked to another user',
    description: 'Another user has linked this account of the provider. That user must unlink it first.',
  },
  provider_linked: {
    status: 409,
    title: 'Another account of this provider is linked',
    description: 'You have linked another account of this provider. Unlink it first.',
  },
  last_sign_in: {
    status: 409,
    title: 'Last sign-in method',
    description: 'You have no password and no other linked account. Set a password or link another account first.',
  },
  last_admin: {
    status: 409,
    title: 'Last admin',
    description:
      'The last admin who can sign in cannot be demoted or deleted, nor lose the last way to sign in. Make another user who has a password or a linked account an admin first.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Request still in progress',
    description: 'A request with the same Idempotency-Key is still in progress. Retry in a moment.',
  },
  version_conflict: {
    status: 412,
    title: 'Version conflict',
    description:
      'If-Match does not match `currentVersion`: the resource has changed. Read it again, reapply the change, and send it with the new ETag.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    description:
      'A JSON body has at most 64 KiB, under /login at most 8 KiB. A photo has at most 10 MiB, a file to import 1 GiB.',
  },
  uri_too_long: {
    status: 414,
    title: 'URI too long',
    description: 'A path segment has at most 100 characters.',
  },
  image_too_large: {
    status: 413,
    title: 'Image has too many pixels',
    description:
      'A photo has at most 50 million pixels, a sequential JPEG 200 million. Interlaced, progressive and lossless images may have fewer: decoding must not take more than 160 MiB or 10 s.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    description:
      'Send JSON in UTF-8 with Content-Type: application/json, or another media type that the documentation of this route lists. Compressed bodies are not supported.',
  },
  unsupported_image: {
    status: 415,
    title: 'Not a supported image',
    description:
      'A photo must be a JPEG, PNG or WebP. The content decides, not the file name or the declared type. Convert other formats, such as HEIC, before the upload.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation not supported',
    description: 'The only supported expectation is `Expect: 100-continue`. Send the request without the header.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key already used',
    description:
      'The key was used before with another method, path or body, or for a password reset whose token has ended. Use a new key for every new request.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many attempts',
    description: 'Wait for the number of seconds in Retry-After.',
  },
  headers_too_large: {
    status: 431,
    title: 'Request header fields too large',
    description: 'All headers together have at most 16 KiB.',
  },
  internal_error: {
    status: 500,
    title: 'Internal server error',
    description: 'The error was logged under `requestId`.',
  },
  overloaded: {
    status: 503,
    title: 'Service overloaded',
    description: 'Nothing was changed. Retry after the number of seconds in Retry-After.',
  },
  provider_not_configured: {
    status: 503,
    title: 'Provider not configured',
    description: 'The service has no credentials for this provider. Sign in another way.',
  },
  provider_unavailable: {
    status: 503,
    title: 'Provider unavailable',
    description:
      'Google or Facebook did not respond in time, or sent an invalid response. Sign in again, or another way.',
  },
  storage_unavailable: {
    status: 503,
    title: 'Photo storage unavailable',
    description: 'Nothing was changed. Retry after the number of seconds in Retry-After.',
  },
  storage_full: {
    status: 503,
    title: 'Photo storage full',
    description: 'Nothing was changed. The operator must free space or raise the quota of the bucket.',
  },
  storage_forbidden: {
    status: 503,
    title: 'Access to the photo storage denied',
    description: 'Nothing was changed. The operator must grant the permission that `detail` names.',
  },
  storage_bucket_missing: {
    status: 503,
    title: 'Photo bucket not found',
    description: 'Nothing was changed. The operator must create the bucket that GOOGLE_BUCKET names.',
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    description:
      'Retry after the number of seconds in Retry-After. If the connection was lost at the commit, the change may have been made; with the same Idempotency-Key or If-Match a retry does not repeat it.',
  },
  migrations_pending: {
    status: 503,
    title: 'Database migrations pending',
    description: 'The database lacks migrations of this version. The operator must run them.',
  },
  shutting_down: {
    status: 503,
    title: 'Instance is shutting down',
    description: 'This instance still serves requests. Send new requests to another instance.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Every code in `errors` of an `invalid_request`, in alphabetical order. */
export const MEMBER_ERRORS = [
  'empty',
  'invalid_cursor',
  'invalid_email',
  'invalid_encoding',
  'invalid_phone',
  'invalid_text',
  'malformed',
  'no_email_column',
  'not_a_boolean',
  'not_a_string',
  'not_a_time',
  'not_allowed',
  'not_an_etag',
  'not_an_object',
  'not_in_range',
  'not_text',
  'read_only',
  'repeated',
  'required',
  'too_common',
  'too_deep',
  'too_long',
  'too_many_cells',
  'too_many_items',
  'too_many_members',
  'too_many_words',
  'too_short',
  'unexpected_body',
  'unknown_encoding',
  'unknown_member',
  'unknown_parameter',
] as const;

export type MemberErrorCode = (typeof MEMBER_ERRORS)[number];
