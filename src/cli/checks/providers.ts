import { Facebook } from '../../auth/oauth/facebook.js';
import { Google } from '../../auth/oauth/google.js';
import type { Clock } from '../../config/clock.js';
import type { Env } from '../../config/env.js';
import { Finding, NotChecked } from './check.js';

/** Checks that Google's discovery document is available, without which no sign-in can start or be verified. */
export async function checkGoogle(env: Env, clock: Clock): Promise<string> {
  const google = new Google(env, clock);
  if (!google.isConfigured) throw new NotChecked('not configured: GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET');
  try {
    const { issuer } = await google.discovery.getEndpoints();
    return `${issuer} is reachable`;
  } catch {
    throw new Finding(
      'GOOGLE_DISCOVERY_URL returned no valid OpenID Connect Discovery document in time',
      new URL(env.GOOGLE_DISCOVERY_URL).hostname === 'accounts.google.com'
        ? 'Allow this machine to reach accounts.google.com over HTTPS.'
        : 'Correct it, or unset it to use Google’s own URL.',
    );
  }
}

/** Checks only the configuration: Facebook has no endpoint that works without a user who signs in. */
export function checkFacebook(env: Env): string {
  if (!new Facebook(env).isConfigured)
    throw new NotChecked('not configured: FACEBOOK_CLIENT_ID and FACEBOOK_CLIENT_SECRET');
  if (!/^\d+$/.test(env.FACEBOOK_CLIENT_ID!))
    throw new Finding(
      'FACEBOOK_CLIENT_ID is not an app id, which has only digits',
      'Copy it from the app’s dashboard.',
    );
  const names = ['FACEBOOK_AUTHORIZE_URL', 'FACEBOOK_ACCESS_TOKEN_URL', 'FACEBOOK_USER_INFO_URL'] as const;
  const plain = names.filter((name) => env.NODE_ENV === 'production' && !env[name].startsWith('https:'));
  if (plain.length > 0) throw new Finding(`not HTTPS: ${plain.join(', ')}`, 'Unset them to use Facebook’s own URLs.');
  const versions = new Set(names.map((name) => /\/(v\d+\.\d+)\//.exec(env[name])?.[1] ?? 'no version'));
  if (versions.size > 1)
    throw new Finding(
      `the URLs have different API versions: ${[...versions].join(', ')}`,
      'Unset FACEBOOK_AUTHORIZE_URL, FACEBOOK_ACCESS_TOKEN_URL and FACEBOOK_USER_INFO_URL.',
    );
  return `id, secret and URLs are set (${[...versions].join()})`;
}
