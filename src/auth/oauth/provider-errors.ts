import { FailureLog } from '../../logging/failure-log.js';
import { toDatabaseProblem } from '../../problems/database-problem.js';
import { Problem } from '../../problems/problem.js';

const FIX = 'Check client id, client secret and redirect URI of the provider: npm run crm -- doctor.';
const failures = new FailureLog('Providers');

/** Errors of passport's strategies. Their texts come from the provider, or from the query of the callback. */
const UNTRUSTED_ERRORS = /^(InternalOAuth|(Facebook)?(Authorization|Token|GraphAPI))Error$/;

/** passport-oauth2 wraps errors of its requests. The other errors are a refusal by the provider, or come from jose. */
export function toProviderProblem(error: unknown): Problem {
  const { oauthError, name = '', code } = error as { oauthError?: unknown; name?: string; code?: unknown };
  if (error instanceof Problem) return error;
  if (oauthError instanceof Problem) return oauthError;
  if (name.endsWith('AuthorizationError')) return new Problem('login_refused');
  const databaseProblem = UNTRUSTED_ERRORS.test(name) ? undefined : toDatabaseProblem(error);
  if (databaseProblem) return databaseProblem;
  // Operators need codes such as `invalid_client`; any other text of the provider stays out of the log.
  const reason = typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : undefined;
  failures.report(`${name} ${reason}`, { message: 'provider_login_failed', error: name, reason, fix: FIX });
  return new Problem('provider_login_failed');
}
