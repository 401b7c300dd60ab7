import type { Metrics } from '../metrics/metrics.js';
import type { CompletionListener } from './request-completion.js';

/** The routes by which somebody signs in, or stays signed in. */
const SIGN_INS: Record<string, string> = {
  'POST /login': 'password',
  'POST /login/refresh': 'refresh',
  'POST /login/exchange': 'exchange',
  'GET /login/google/callback': 'google',
  'GET /login/facebook/callback': 'facebook',
};

/** Counts requests by the pattern of their route, never by their address, which a client can make up. */
export function requestMetrics(metrics: Metrics): CompletionListener {
  return ({ request: { method, problem }, status, route = 'none', seconds, isAborted }) => {
    metrics.requests.observe({ method, route, status }, seconds);
    if (problem) metrics.problem(problem);
    const signIn = SIGN_INS[`${method} ${route}`];
    if (signIn) metrics.signIns.inc({ method: signIn, outcome: problem ?? (isAborted ? 'aborted' : 'success') });
  };
}
