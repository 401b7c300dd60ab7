interface ProblemType {
  status: number;
  title: string;
  /** For the people who meet it: what happened and what to do. Published at `/problems/<code>` and in the OpenAPI. */
  description: string;
}

/** Every error that the service answers with. The one source of the filter, the OpenAPI and `/problems/:code`. */
export const PROBLEMS = {
  invalid_request: {
    status: 400,
    title: 'The request is not valid',
    description:
      'Some members of the body or the query are missing, unknown or not valid; `errors` names each of them.',
  },
  malformed_request: {
    status: 400,
    title: 'The request could not be read',
    description: 'The body is not JSON in UTF-8, or the URL or a header is malformed. Nothing was done.',
  },
  invalid_password_token: {
    status: 400,
    title: 'The invitation or reset is not valid',
    description:
      'The token is unknown, was used before, was replaced by a newer one, or has expired. Ask an admin for a new one.',
  },
  invalid_login_state: {
    status: 400,
    title: 'The sign-in has to be started again',
    description:
      'It was not started in this browser, was started more than ten minutes ago, or has been completed before. Start at GET /login/google or /login/facebook.',
  },
  invalid_login_code: {
    status: 400,
    title: 'The code is not valid',
    description:
      'It is unknown, was used before, is older than 60 seconds, or `codeVerifier` is not the one whose challenge was sent. Sign in again.',
  },
  invalid_image: {
    status: 400,
    title: 'The image cannot be read',
    description: 'It is damaged, or was cut off on its way.',
  },
  wrong_password: {
    status: 400,
    title: 'The current password is wrong',
    description: 'The password was not changed: `currentPassword` is not the one of your account.',
  },
  unauthenticated: {
    status: 401,
    title: 'Sign in first',
    description:
      'There is no access token, or it is not valid any more: it expired, or its session or user is gone. Refresh it or sign in.',
  },
  invalid_credentials: {
    status: 401,
    title: 'E-mail or password is wrong',
    description:
      'No account can be signed in to with these. For everybody’s safety the answer does not say which is wrong.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'The session is over',
    description: 'The refresh token is not valid, has expired, or was used before: sign in again.',
  },
  provider_login_failed: {
    status: 401,
    title: 'The provider’s answer proves nothing',
    description: 'What Google or Facebook answered does not tell for sure who you are. Sign in again.',
  },
  login_refused: {
    status: 403,
    title: 'The provider did not sign you in',
    description: 'You cancelled, or Google or Facebook refused. Nothing was done.',
  },
  not_registered: {
    status: 403,
    title: 'Nobody is registered with this account',
    description:
      'No user has linked it, and there is no user with an e-mail that the provider vouches for and who has not linked another account. Ask an admin, or sign in with your password and link it.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    description: 'Only admins may do this.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    description: 'No such address, or it does not know this method.',
  },
  customer_not_found: {
    status: 404,
    title: 'No such customer',
    description: 'There is no customer with this id, or it was deleted.',
  },
  photo_not_found: {
    status: 404,
    title: 'No such photo',
    description:
      'The address has expired or is not complete, or the photo was replaced or deleted. Read the customer again for the address that is good now.',
  },
  user_not_found: {
    status: 404,
    title: 'No such user',
    description: 'There is no user with this id, or it was deleted.',
  },
  session_not_found: {
    status: 404,
    title: 'No such session',
    description: 'You have no session with this id, or it has ended.',
  },
  identity_not_found: {
    status: 404,
    title: 'No such account is linked',
    description: 'You have not linked an account of this provider.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    description: 'Headers have 10 seconds to arrive, the whole request 30. Nothing was done.',
  },
  email_taken: {
    status: 409,
    title: 'The e-mail is taken',
    description: 'Another one that is not deleted has this e-mail; case does not matter.',
  },
  identity_taken: {
    status: 409,
    title: 'The account is linked to somebody else',
    description: 'Another user signs in with this account of the provider. They have to unlink it first.',
  },
  provider_linked: {
    status: 409,
    title: 'Another account of this provider is linked',
    description: 'You sign in with another account of this provider. Unlink that one first.',
  },
  last_sign_in: {
    status: 409,
    title: 'It is your only way to sign in',
    description: 'You have no password and no other linked account. Get one of them first.',
  },
  last_admin: {
    status: 409,
    title: 'Somebody has to be an admin',
    description: 'The last admin can be neither demoted nor deleted. Make somebody else an admin first.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'The first request is still running',
    description: 'A request with the same Idempotency-Key has not ended yet. Try again in a moment.',
  },
  version_conflict: {
    status: 412,
    title: 'Somebody else changed it',
    description:
      'If-Match names another version than `currentVersion`. Read it again, apply the change, and send it with the new ETag.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    description: 'JSON bodies may have 64 KiB, under /login 8 KiB; a photo may have 10 MiB.',
  },
  uri_too_long: { status: 414, title: 'The URL is too long', description: 'A path segment may have 100 characters.' },
  image_too_large: {
    status: 413,
    title: 'The image has too many pixels',
    description: 'A photo may have 50 million pixels.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body has the wrong media type',
    description: 'Send JSON, with Content-Type: application/json, or what else the documentation of this route names.',
  },
  unsupported_image: {
    status: 415,
    title: 'The file is no photo',
    description: 'A photo is a JPEG, PNG or WebP. What a file is called, or is said to be, does not matter.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    description: 'The key was sent before with another method, path or body. Use a new key for a new request.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many attempts',
    description: 'Wait for as many seconds as Retry-After says.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    description: 'All headers together may have 16 KiB.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong on our side',
    description: 'It has been logged under `requestId`.',
  },
  overloaded: {
    status: 503,
    title: 'Too much to do at the moment',
    description: 'Nothing was done. Try again after as many seconds as Retry-After says.',
  },
  provider_not_configured: {
    status: 503,
    title: 'This provider is not set up',
    description: 'The service was started without the credentials of this provider. Sign in another way.',
  },
  provider_unavailable: {
    status: 503,
    title: 'The provider does not answer',
    description: 'Google or Facebook did not answer in time, or not as agreed. Sign in again, or another way.',
  },
  storage_unavailable: {
    status: 503,
    title: 'The photo storage does not answer',
    description: 'Nothing was done. Try again after as many seconds as Retry-After says.',
  },
  storage_full: {
    status: 503,
    title: 'The photo storage is full',
    description: 'Nothing was done. Who operates the service has to make room, or to raise the quota of the bucket.',
  },
  storage_forbidden: {
    status: 503,
    title: 'The photo storage refuses the service',
    description: 'Nothing was done. Who operates the service has to give it the permission that `detail` names.',
  },
  storage_bucket_missing: {
    status: 503,
    title: 'The bucket for photos does not exist',
    description: 'Nothing was done. Who operates the service has to make the bucket that GOOGLE_BUCKET names.',
  },
  database_unavailable: {
    status: 503,
    title: 'The database does not answer',
    description:
      'Try again after as many seconds as Retry-After says. If the answer was lost and not the request, a change has been made: with the same Idempotency-Key or If-Match it is not made twice.',
  },
  migrations_pending: {
    status: 503,
    title: 'The database is not up to date',
    description: 'Migrations of this version have not been applied. An operator has to run them.',
  },
  shutting_down: {
    status: 503,
    title: 'This instance is about to end',
    description: 'Requests are still served, but new ones should go to another instance.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof PROBLEMS;
