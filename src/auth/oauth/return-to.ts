import { Problem } from '../../problems/problem.js';
import { findConfusable } from '../../text/characters.js';
import type { StartLoginQuery } from './oauth.dto.js';

/** Accepts only the addresses in `LOGIN_RETURN_URLS`; an open redirect would leak codes (RFC 9700, 4.11). */
export function checkReturnTo({ returnTo, codeChallenge }: StartLoginQuery, allowed: string[]): void {
  if (returnTo === undefined) {
    if (codeChallenge === undefined) return;
    throw Problem.invalid([{ pointer: 'codeChallenge', code: 'not_allowed', message: 'Requires returnTo.' }]);
  }
  if (!isReturnUrl(returnTo, allowed))
    throw Problem.invalid([
      { pointer: 'returnTo', code: 'not_allowed', message: 'Must be one of the addresses in LOGIN_RETURN_URLS.' },
    ]);
}

export function isReturnUrl(address: string, allowed: string[]): boolean {
  // Checked before parsing: a URL parser tolerates https:evil, backslashes, spaces, soft hyphens and user@host.
  const isPlain = /^https?:\/\/[^\s\\@#]+$/.test(address) && !findConfusable(address) && URL.canParse(address);
  return isPlain && allowed.includes(removeQuery(address));
}

/** Tells the frontend the outcome in its own address, whose query may contain parameters of these names already. */
export function addOutcome(returnTo: string, name: 'code' | 'error', value: string): string {
  const url = new URL(returnTo);
  url.searchParams.delete('code');
  url.searchParams.delete('error');
  url.searchParams.set(name, value);
  return url.href;
}

function removeQuery(address: string): string {
  const url = new URL(address);
  url.search = '';
  return url.href;
}
