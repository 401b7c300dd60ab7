import { isIP } from 'node:net';
import { Facebook } from '../../auth/oauth/facebook.js';
import { Google } from '../../auth/oauth/google.js';
import type { Clock } from '../../config/clock.js';
import type { Env } from '../../config/env.js';
import { Finding } from './check.js';

/** Where browsers are told that the service is; sign-in with a provider works only at the address registered there. */
export function checkPublicUrl(env: Env, clock: Clock): string {
  const { PUBLIC_URL, NODE_ENV, TLS, TRUSTED_PROXIES } = env;
  const isProduction = NODE_ENV === 'production';
  if (!PUBLIC_URL) {
    if (!isProduction) return 'PUBLIC_URL is not set: each request says where it came to';
    throw new Finding(
      'PUBLIC_URL is not set: whoever sends a request could choose the addresses in its answer',
      'set it to the origin that browsers use, such as https://crm.example.com.',
    );
  }
  const { protocol, hostname } = new URL(PUBLIC_URL);
  const isLocal = hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) > 0;
  if (isProduction && (protocol !== 'https:' || isLocal))
    throw new Finding(
      `PUBLIC_URL is ${PUBLIC_URL}, which is no address for others, or sends their passwords in the clear`,
      'set it to the https:// origin that browsers use, with a name.',
    );
  if (protocol === 'https:' && !TLS && TRUSTED_PROXIES.length === 0)
    throw new Finding(
      'PUBLIC_URL is https, so a proxy ends TLS; but TRUSTED_PROXIES names none: all clients look like that proxy',
      'set TRUSTED_PROXIES to the addresses of the proxy.',
    );
  const names = [new Google(env, clock), new Facebook(env)]
    .filter(({ isConfigured }) => isConfigured)
    .map(({ name }) => `${PUBLIC_URL}/login/${name}/callback`);
  return names.length > 0 ? `${PUBLIC_URL}; to be registered: ${names.join(', ')}` : PUBLIC_URL;
}
