import type { Metrics } from '../metrics/metrics.js';
import type { CompletionListener } from './request-completion.js';

/** Routes that sign in or refresh, with the label of their method. */
const SIGN_IN_METHODS: Record<string, string> = {
  'POST /login': 'password',
  'POST /login/refresh': 'refresh',
  'POST /login/exchange': 'exchange',
  'GET /login/google/callback': 'google',
  'GET /login/facebook/callback': 'facebook',
};

/** Counts requests by route pattern, never by URL, which a client chooses. */
export function requestMetrics(metrics: Metrics): CompletionListener {
  return ({ request: { method, problem }, status, route = 'none', seconds, isAborted }) => {
    metrics.requests.observe({ method, route, status }, seconds);
    if (problem) metrics.countProblem(problem);
    const signIn = SIGN_IN_METHODS[`${method} ${route}`];
    if (signIn) metrics.signIns.inc({ method: signIn, outcome: problem ?? (isAborted ? 'aborted' : 'success') });
  };
}
