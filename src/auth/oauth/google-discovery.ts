import { createRemoteJWKSet, customFetch } from 'jose';
import type { Clock } from '../../config/clock.js';
import type { Env } from '../../config/env.js';
import { Problem } from '../../problems/problem.js';
import { PROVIDER_TIMEOUT_MS, providerFetch } from './provider-fetch.js';

const FRESH_MS = 60 * 60 * 1000;
/** Use a cached document for up to 24 h rather than fail: Google's addresses and keys rarely change. */
const STALE_MS = 24 * FRESH_MS;
/** With a cached document, refreshing it must leave time for the rest of the sign-in. */
const REFRESH_TIMEOUT_MS = 1_000;
const RETRY_MS = 60 * 1000;

export interface GoogleEndpoints {
  issuer: string;
  authorizationUrl: string;
  tokenUrl: string;
  keysUrl: string;
  keys: ReturnType<typeof createRemoteJWKSet>;
}

interface CachedEndpoints extends GoogleEndpoints {
  readAt: number;
  freshUntil: number;
}

/** Google's discovery document (OpenID Connect Discovery), cached for an hour. */
export class GoogleDiscovery {
  private cached?: CachedEndpoints;

  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
  ) {}

  async getEndpoints(signal = AbortSignal.timeout(PROVIDER_TIMEOUT_MS)): Promise<GoogleEndpoints> {
    const now = this.clock.now().getTime();
    const { cached } = this;
    if (cached && now < cached.freshUntil) return cached;
    const stale = cached && now - cached.readAt < STALE_MS ? cached : undefined;
    try {
      const limit = stale ? AbortSignal.any([signal, AbortSignal.timeout(REFRESH_TIMEOUT_MS)]) : signal;
      const endpoints = await this.read(limit);
      this.cached = { ...endpoints, readAt: now, freshUntil: now + FRESH_MS };
      return this.cached;
    } catch {
      if (!stale) throw new Problem('provider_unavailable');
      stale.freshUntil = now + RETRY_MS;
      return stale;
    }
  }

  private async read(signal: AbortSignal): Promise<GoogleEndpoints> {
    const { status, text } = await providerFetch(this.env.GOOGLE_DISCOVERY_URL, signal);
    const document = JSON.parse(text) as Record<string, unknown>;
    const { issuer } = document;
    if (status !== 200 || typeof issuer !== 'string') throw new Problem('provider_unavailable');
    const [authorizationUrl, tokenUrl, keysUrl] = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'].map(
      (name) => new URL(String(document[name])).href,
    ) as [string, string, string];
    // The key set caches Google's keys, so it is kept while its address is the same.
    const keys =
      this.cached?.keysUrl === keysUrl
        ? this.cached.keys
        : createRemoteJWKSet(new URL(keysUrl), { [customFetch]: fetchKeys });
    return { issuer, authorizationUrl, tokenUrl, keysUrl, keys };
  }
}

/** Replaces the fetch of `createRemoteJWKSet`, which has no size limit. */
async function fetchKeys(url: string, { signal }: { signal?: AbortSignal }): Promise<Response> {
  const timeout = AbortSignal.timeout(PROVIDER_TIMEOUT_MS / 2);
  const { status, text } = await providerFetch(url, signal ? AbortSignal.any([signal, timeout]) : timeout);
  return new Response(text, { status });
}
