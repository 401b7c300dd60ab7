import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenAPIObject } from '@nestjs/swagger';
import { createClient, type CrmClient } from '../../client/src/index.js';
import { expectDocumented } from './documented.js';

export interface Answer<Body = any> {
  status: number;
  headers: Headers;
  body: Body;
}

export interface RequestOptions {
  headers?: Record<string, string>;
  /** Sent as JSON, except strings, bytes and forms, which are sent unchanged. */
  body?: unknown;
}

/**
 * A client for requests that misbehave, or whose headers are what a test is about; `crm` is the typed client for all
 * others. Both check every response against the OpenAPI: an undocumented response fails the test.
 */
export class Client {
  private typed?: CrmClient;

  constructor(
    readonly url: string,
    private readonly api: OpenAPIObject,
    readonly accessToken?: string,
    readonly refreshToken?: string,
  ) {}

  get = (path: string, options?: RequestOptions): Promise<Answer> => this.request('GET', path, options);
  delete = (path: string, options?: RequestOptions): Promise<Answer> => this.request('DELETE', path, options);
  post = (path: string, body?: unknown, options?: RequestOptions): Promise<Answer> =>
    this.request('POST', path, { ...options, body });
  put = (path: string, body?: unknown, options?: RequestOptions): Promise<Answer> =>
    this.request('PUT', path, { ...options, body });
  patch = (path: string, body?: unknown, options?: RequestOptions): Promise<Answer> =>
    this.request('PATCH', path, { ...options, body });

  async request(method: string, path: string, { headers = {}, body }: RequestOptions = {}): Promise<Answer> {
    const isForm = body instanceof FormData;
    const isRaw = typeof body === 'string' || body instanceof Uint8Array || isForm;
    const response = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.accessToken && { authorization: `Bearer ${this.accessToken}` }),
        ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
        'x-forwarded-for': someAddress(),
        ...headers,
      },
      body: body === undefined ? undefined : isRaw ? (body as string) : JSON.stringify(body),
    });
    const answer = await answerOf(response);
    this.check(method, path, answer);
    return answer;
  }

  /** The typed client, in the same session. It repeats nothing: a test must see every refusal. */
  get crm(): CrmClient {
    const { accessToken, refreshToken = '' } = this;
    return (this.typed ??= createClient({
      baseUrl: this.url,
      fetch: this.fetch,
      tokens: { load: () => (accessToken ? { accessToken, refreshToken } : undefined), save: () => undefined },
      maxRetries: 0,
    }));
  }

  /** For the typed client. */
  fetch = async (request: Request): Promise<Response> => {
    const { method, url } = request;
    request.headers.set('x-forwarded-for', someAddress());
    const response = await fetch(request);
    this.check(method, url.slice(this.url.length), await answerOf(response.clone()));
    return response;
  };

  private check(method: string, path: string, answer: Answer): void {
    if (answer.status >= 500 && answer.status !== 503)
      throw new Error(`${method} ${path} is ${answer.status}: ${JSON.stringify(answer.body)}`);
    expectDocumented(this.api, method, path, answer);
  }

  as(accessToken?: string, refreshToken?: string): Client {
    return new Client(this.url, this.api, accessToken, refreshToken);
  }

  /** Signs in and returns a client with the tokens. */
  async signIn(email: string, password: string): Promise<Client> {
    const { status, body } = await this.as().post('/login', { email, password });
    expect(status).toBe(200);
    return this.as(body.accessToken, body.refreshToken);
  }
}

/** The parameters of a typed request about one resource. */
export const at = (id: number) => ({ params: { path: { id } } });

/** As a client does that obeys `Retry-After`: on a busy machine the service may refuse part of a burst. */
export async function persist<Response extends { status: number; headers: Headers }>(
  send: () => Promise<Response>,
): Promise<Response> {
  for (;;) {
    const response = await send();
    if (response.status !== 503) return response;
    await sleep(1_000 * Number(response.headers.get('retry-after')));
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const body = type.includes('ndjson') ? linesOf(text) : type.includes('json') && text ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body };
}

/** The values of newline-delimited JSON. */
export const linesOf = (text: string): any[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** A random address of the benchmark network (RFC 2544), so that sign-in limits by address do not affect tests. */
export function someAddress(): string {
  const [a, b] = randomBytes(2);
  return `198.${18 + (Math.random() < 0.5 ? 0 : 1)}.${a}.${b}`;
}
