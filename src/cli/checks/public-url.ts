import { isIP } from 'node:net';
import { Facebook } from '../../auth/oauth/facebook.js';
import { Google } from '../../auth/oauth/google.js';
import type { Clock } from '../../config/clock.js';
import type { Env } from '../../config/env.js';
import { Finding } from './check.js';

/** Checks the origin that browsers use. Provider sign-in works only with redirect URIs registered for that origin. */
export function checkPublicUrl(env: Env, clock: Clock): string {
  const { PUBLIC_URL, NODE_ENV, TLS, TRUSTED_PROXIES } = env;
  const isProduction = NODE_ENV === 'production';
  if (!PUBLIC_URL) {
    if (!isProduction) return 'PUBLIC_URL is not set: the origin is taken from each request';
    throw new Finding(
      'PUBLIC_URL is not set: a client could choose the origin of the URLs in a response',
      'Set it to the origin that browsers use, such as https://crm.example.com.',
    );
  }
  const { protocol, hostname } = new URL(PUBLIC_URL);
  const isLocal = hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) > 0;
  if (isProduction && (protocol !== 'https:' || isLocal))
    throw new Finding(
      `PUBLIC_URL is ${PUBLIC_URL}, which other machines cannot reach, or which sends passwords unencrypted`,
      'Set it to the https:// origin that browsers use, with a host name.',
    );
  if (protocol === 'https:' && !TLS && TRUSTED_PROXIES.length === 0)
    throw new Finding(
      'PUBLIC_URL is https, so a proxy terminates TLS, but TRUSTED_PROXIES is empty: all clients appear as that proxy',
      'Set TRUSTED_PROXIES to the addresses of the proxy.',
    );
  const redirectUris = [new Google(env, clock), new Facebook(env)]
    .filter(({ isConfigured }) => isConfigured)
    .map(({ name }) => `${PUBLIC_URL}/login/${name}/callback`);
  return redirectUris.length > 0 ? `${PUBLIC_URL}; redirect URIs to register: ${redirectUris.join(', ')}` : PUBLIC_URL;
}
