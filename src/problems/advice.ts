import type { ProblemCode } from './catalog.js';

const RETRY = 'Repeat the request after the number of seconds in `Retry-After`.';
const OPERATOR = 'Tell the operator of the service; repeating the request does not help until then.';
const SIGN_IN = 'Sign in again.';
const READ_AGAIN = 'Read the resource again, and decide by its current state.';

/** What the developer of a client, or its user, does about a problem. Shown at `/problems`. */
export const ADVICE: Record<ProblemCode, string> = {
  invalid_request: 'Correct what `errors` names: a JSON Pointer into the body, or the name of a parameter or header.',
  malformed_request: 'Send JSON (RFC 8259) in UTF-8, and encode the URL (RFC 3986).',
  invalid_password_token: 'Ask an admin for a new invitation or reset.',
  invalid_login_state: 'Start again at `GET /login/google` or `/login/facebook`, in the same browser.',
  invalid_login_code: `${SIGN_IN} Exchange the code once, within 60 seconds, with the verifier of its challenge.`,
  invalid_image: 'Open the file in a viewer, save it again, and upload the copy.',
  wrong_password: 'Type the current password again. A user who forgot it asks an admin for a reset.',
  unauthenticated:
    'Get new tokens with `POST /login/refresh`, and repeat the request; if that fails, show the sign-in page.',
  invalid_credentials: 'Type e-mail and password again. A user who forgot the password asks an admin for a reset.',
  invalid_refresh_token: `${SIGN_IN} Use every refresh token once: concurrent requests have to share one refresh.`,
  provider_login_failed: SIGN_IN,
  login_refused: `${SIGN_IN} Agree to share the e-mail address with the service.`,
  not_registered:
    'Ask an admin to create a user with the e-mail of the account, or sign in with a password and link it.',
  forbidden: 'Hide the operation from users without the role, or ask an admin to carry it out.',
  reauthentication_required: 'Ask the user for the password and send it as `password`, or let the user sign in again.',
  not_found: 'Compare the path with the OpenAPI: `/openapi.json`.',
  customer_not_found:
    'Remove the customer from the view. `deleted=true` lists deleted customers, which can be restored.',
  version_not_found: 'Read the history, and choose a version that it lists.',
  photo_not_found: 'Read the customer again: its photo has a new address. Do not store addresses of photos.',
  user_not_found: 'Remove the user from the view. `deleted=true` lists deleted users, which can be restored.',
  session_not_found: 'Read the list of sessions again.',
  identity_not_found: READ_AGAIN,
  method_not_allowed: 'Use a method that `Allow` lists.',
  customer_erased: 'Remove the customer from the view, and from every copy that you keep.',
  request_timeout: 'Send the request again. Uploads need a connection that carries them within 30 seconds.',
  email_taken: 'Search for the e-mail: update the record that has it, or delete that one first.',
  identity_taken: 'Sign in as the other user and unlink the account, or ask an admin to do so.',
  provider_linked: 'Unlink the other account of this provider first.',
  last_sign_in: 'Set a password or link another account first.',
  last_admin: 'Make another user an admin first.',
  idempotency_in_progress: 'Wait a moment and repeat the request with the same key.',
  version_conflict: 'Read the resource again, reapply the change, and send it with the new `ETag`.',
  payload_too_large: 'Send less: a smaller image, a shorter text, or a file in parts.',
  uri_too_long: 'Shorten the path.',
  image_too_large: 'Reduce the image, or save it as an ordinary JPEG.',
  unsupported_media_type: 'Send one of the media types of the operation in the OpenAPI, uncompressed.',
  unsupported_image: 'Convert the image to JPEG, PNG or WebP.',
  expectation_failed: 'Leave out the header `Expect`.',
  idempotency_key_reused: 'Use a new key for every new request, and the same one only to repeat it unchanged.',
  too_many_requests: RETRY,
  headers_too_large: 'Send fewer or shorter headers; old cookies are a common cause.',
  internal_error: `Report \`requestId\` to the operator, who finds the cause in the log. ${READ_AGAIN}`,
  overloaded: RETRY,
  provider_not_configured: 'Offer another way to sign in, or tell the operator to configure the provider.',
  provider_unavailable: 'Sign in again in a moment, or another way.',
  storage_unavailable: RETRY,
  storage_full: OPERATOR,
  storage_forbidden: OPERATOR,
  storage_bucket_missing: OPERATOR,
  database_unavailable: `${RETRY} Send the same \`Idempotency-Key\` or \`If-Match\`, so that nothing is done twice.`,
  migrations_pending: OPERATOR,
  shutting_down: 'Repeat the request: the load balancer sends it to another instance.',
};
