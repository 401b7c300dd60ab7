import type { Answer, Client } from './client.js';

/**
 * Follows redirects and keeps cookies per origin, as a browser does. The client of the service checks its responses against
 * the OpenAPI.
 */
export class Browser {
  private readonly cookies = new Map<string, Map<string, string>>();

  constructor(private readonly service: Client) {}

  /** Follows redirects from a path of the service to the first response that is no redirect, or to a frontend. */
  walk(path: string, headers: Record<string, string> = {}): Promise<Answer & { url: URL }> {
    return this.walkFrom(new URL(path, this.service.url), headers);
  }

  async walkFrom(start: URL, headers: Record<string, string> = {}): Promise<Answer & { url: URL }> {
    this.signOutOfProviders();
    let url = start;
    for (let step = 0; step < 12; step++) {
      const response = await this.get(url, headers);
      const location = response.headers.get('location');
      if (!location) return { ...response, url };
      url = new URL(location, url);
      if (url.hostname.endsWith('.example.com')) return { ...response, url };
    }
    throw new Error(`Too many redirects, the last one to ${url.href}`);
  }

  /** Follows redirects up to the callback, without requesting it, and returns its path. */
  async walkToCallback(path: string): Promise<string> {
    this.signOutOfProviders();
    let url = new URL(path, this.service.url);
    for (let step = 0; step < 12; step++) {
      const { headers } = await this.get(url);
      url = new URL(headers.get('location')!, url);
      if (url.pathname.endsWith('/callback')) return url.pathname + url.search;
    }
    throw new Error('Too many redirects without a callback');
  }

  async get(url: URL, headers: Record<string, string> = {}): Promise<Answer> {
    const cookie = [...this.jarOf(url.origin)].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = { ...(cookie && { cookie }), ...headers };
    const response =
      url.origin === this.service.url
        ? await this.service.get(url.pathname + url.search, { headers: all })
        : await this.getElsewhere(url, all);
    this.keep(response.headers, url.origin);
    return response;
  }

  /** Stores the cookies of a response, also of one that a script received. */
  keep(headers: Headers, origin: string): void {
    const jar = this.jarOf(origin);
    for (const line of headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name!);
      else jar.set(name!, value!);
    }
  }

  /** The next sign-in may use another account of the provider. */
  private signOutOfProviders(): void {
    for (const origin of this.cookies.keys()) if (origin !== this.service.url) this.cookies.delete(origin);
  }

  private jarOf(origin: string): Map<string, string> {
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    return jar;
  }

  private async getElsewhere(url: URL, headers: Record<string, string>): Promise<Answer> {
    const response = await fetch(url, { redirect: 'manual', headers });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }
}
