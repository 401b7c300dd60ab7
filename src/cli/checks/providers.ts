import { Facebook } from '../../auth/oauth/facebook.js';
import { Google } from '../../auth/oauth/google.js';
import type { Clock } from '../../config/clock.js';
import type { Env } from '../../config/env.js';
import { Finding, NotChecked } from './check.js';

/** Whether sign-in can be started, and answers be verified: its addresses and its keys can be had. */
export async function checkGoogle(env: Env, clock: Clock): Promise<string> {
  const google = new Google(env, clock);
  if (!google.isConfigured) throw new NotChecked('not set up: GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET');
  try {
    const { issuer } = await google.discover();
    return `${issuer} can be reached`;
  } catch {
    throw new Finding(
      'GOOGLE_DISCOVERY_URL does not answer in time, or not as OpenID Connect Discovery says',
      'unset it for Google’s own address, and let this machine reach it over HTTPS.',
    );
  }
}

/** Nothing can be asked for without somebody who signs in. */
export function checkFacebook(env: Env): string {
  if (!new Facebook(env).isConfigured)
    throw new NotChecked('not set up: FACEBOOK_CLIENT_ID and FACEBOOK_CLIENT_SECRET');
  if (!/^\d+$/.test(env.FACEBOOK_CLIENT_ID!))
    throw new Finding(
      'FACEBOOK_CLIENT_ID is not the id of an app, which has digits only',
      'copy it from the app’s page.',
    );
  const names = ['FACEBOOK_AUTHORIZE_URL', 'FACEBOOK_ACCESS_TOKEN_URL', 'FACEBOOK_USER_INFO_URL'] as const;
  const plain = names.filter((name) => env.NODE_ENV === 'production' && !env[name].startsWith('https:'));
  if (plain.length > 0) throw new Finding(`not HTTPS: ${plain.join(', ')}`, 'unset them for Facebook’s own addresses.');
  const versions = new Set(names.map((name) => /\/(v\d+\.\d+)\//.exec(env[name])?.[1] ?? 'no version'));
  if (versions.size > 1)
    throw new Finding(
      `its addresses are of different versions: ${[...versions].join(', ')}`,
      'unset FACEBOOK_AUTHORIZE_URL, FACEBOOK_ACCESS_TOKEN_URL and FACEBOOK_USER_INFO_URL.',
    );
  return `id, secret and addresses are set (${[...versions].join()})`;
}
