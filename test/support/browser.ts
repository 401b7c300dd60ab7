import type { Answer, Client } from './client.js';

/**
 * As much of a browser as a redirect needs: cookies by origin, and going where it is sent. What the service answers is
 * held against the OpenAPI by its client.
 */
export class Browser {
  private readonly cookies = new Map<string, Map<string, string>>();

  constructor(private readonly service: Client) {}

  /** From a path of the service to where nothing sends the browser on: an answer that is no redirect, or a frontend. */
  walk(path: string, headers: Record<string, string> = {}): Promise<Answer & { url: URL }> {
    return this.walkFrom(new URL(path, this.service.url), headers);
  }

  async walkFrom(start: URL, headers: Record<string, string> = {}): Promise<Answer & { url: URL }> {
    this.signOutElsewhere();
    let url = start;
    for (let step = 0; step < 12; step++) {
      const answer = await this.get(url, headers);
      const location = answer.headers.get('location');
      if (!location) return { ...answer, url };
      url = new URL(location, url);
      if (url.hostname.endsWith('.example.com')) return { ...answer, url };
    }
    throw new Error(`Sent round in circles, at last to ${url.href}`);
  }

  /** To the callback, but not into it: the path that the provider sends the browser back to. */
  async walkToCallback(path: string): Promise<string> {
    this.signOutElsewhere();
    let url = new URL(path, this.service.url);
    for (let step = 0; step < 12; step++) {
      const { headers } = await this.get(url);
      url = new URL(headers.get('location')!, url);
      if (url.pathname.endsWith('/callback')) return url.pathname + url.search;
    }
    throw new Error('Never came back');
  }

  async get(url: URL, headers: Record<string, string> = {}): Promise<Answer> {
    const cookie = [...this.jarOf(url.origin)].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = { ...(cookie && { cookie }), ...headers };
    const answer =
      url.origin === this.service.url
        ? await this.service.get(url.pathname + url.search, { headers: all })
        : await this.leave(url, all);
    this.keep(answer.headers, url.origin);
    return answer;
  }

  /** The cookies of an answer that came by a script. */
  keep(headers: Headers, origin: string): void {
    const jar = this.jarOf(origin);
    for (const line of headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name!);
      else jar.set(name!, value!);
    }
  }

  /** Another account may sit there the next time. */
  private signOutElsewhere(): void {
    for (const origin of this.cookies.keys()) if (origin !== this.service.url) this.cookies.delete(origin);
  }

  private jarOf(origin: string): Map<string, string> {
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    return jar;
  }

  private async leave(url: URL, headers: Record<string, string>): Promise<Answer> {
    const response = await fetch(url, { redirect: 'manual', headers });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }
}
