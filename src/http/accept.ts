/**
 * Whether a client prefers `type` to JSON, by its `Accept` header (RFC 9110, 12.5.1). Only if it names the type: wildcards
 * and equal weights get JSON, except that a named type precedes a wildcard.
 */
export function prefers(type: string, accept = ''): boolean {
  const weights = new Map<string, number>();
  for (const item of accept.toLowerCase().split(',')) {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(range, weight === undefined ? 1 : Number(weight) || 0);
  }
  const wanted = weights.get(type) ?? weights.get(`${type.split('/', 1)[0]}/*`) ?? 0;
  const json = weights.get('application/json');
  if (wanted === 0) return false;
  return json === undefined ? wanted >= (weights.get('application/*') ?? weights.get('*/*') ?? 0) : wanted > json;
}

/** Whether a client expects JSON. Browsers that follow a link accept HTML. */
export const expectsJson = (accept = ''): boolean =>
  accept.includes('application/json') && !accept.includes('text/html');
