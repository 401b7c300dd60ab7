import createFetchClient, { type FetchResponse, type MaybeOptionalInit, type Middleware } from 'openapi-fetch';
import type { HttpMethod, PathsWithMethod, RequiredKeysOf } from 'openapi-typescript-helpers';
import { type ImportOptions, importRequest, type ImportResult, readImport } from './import.js';
import { ProblemError } from './problem-error.js';
import { retrying } from './retry.js';
import type { components, paths } from './schema.js';
import { Session, type TokenStore } from './session.js';

type Schemas = components['schemas'];
export type Customer = Schemas['Customer'];
export type Change = Schemas['Change'];

export interface ClientOptions {
  /** Such as `https://crm.example.org`, without a slash at the end. */
  baseUrl: string;
  fetch?: (request: Request) => Promise<Response>;
  /** Default: in memory. */
  tokens?: TokenStore;
  /** How often a request is repeated that the service refused for now. Default: 3. */
  maxRetries?: number;
}

type InitParam<Init> = RequiredKeysOf<Init> extends never ? [init?: Init] : [init: Init];
/** As in openapi-fetch, but errors are thrown, so `data` is always there. */
type Success<Response> = Extract<Response, { data: unknown }>;
type Method<M extends HttpMethod> = <
  Path extends PathsWithMethod<paths, M>,
  Init extends MaybeOptionalInit<paths[Path], M>,
>(
  path: Path,
  ...init: InitParam<Init>
) => Promise<Success<FetchResponse<paths[Path][M] & Record<string, unknown>, Init, 'application/json'>>>;

interface Page<Item> {
  data: Item[];
  page: { next: string | null };
}
type PageOf<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Body } } } };
}
  ? Body
  : never;
/** The feed is no list: it has no last page. */
export type ListPath = {
  [Path in keyof paths]: PageOf<Path> extends never
    ? never
    : null extends (PageOf<Path> extends Page<unknown> ? PageOf<Path>['page']['next'] : never)
      ? Path
      : never;
}[keyof paths];
type ItemOf<Path extends ListPath> = PageOf<Path> extends Page<infer Item> ? Item : never;

/** The creates that take an `Idempotency-Key`. The type has them from the OpenAPI: a missing one does not compile. */
type Create = {
  [Path in keyof paths]: paths[Path] extends { post: { parameters: { header?: infer Header } } }
    ? 'Idempotency-Key' extends AllKeys<Header>
      ? Path
      : never
    : never;
}[keyof paths];
type AllKeys<T> = T extends object ? keyof T : never;
const CREATES: Record<Create, true> = {
  '/customers': true,
  '/users': true,
  '/customers/{id}/merge': true,
  '/users/{id}/password-reset': true,
};

export interface ChangesOptions {
  /** `cursor` of an earlier iteration, or `now`. Default: the oldest change. */
  after?: string;
  /** Seconds, up to 25, to wait for new changes: the iteration never ends. Default: it ends with the newest change. */
  wait?: number;
  signal?: AbortSignal;
}

export interface Changes extends AsyncIterable<Change> {
  /** Store it after a change was processed: an iteration that starts `after` it repeats at most the changes of one page. */
  cursor: string | undefined;
}

/** A client of the service. Every method throws `ProblemError` if the service refuses the request. */
export interface CrmClient {
  GET: Method<'get'>;
  POST: Method<'post'>;
  PUT: Method<'put'>;
  PATCH: Method<'patch'>;
  DELETE: Method<'delete'>;
  readonly isSignedIn: boolean;
  signIn(email: string, password: string): Promise<void>;
  /**
   * Starts a sign-in with a provider: keep `codeVerifier`, go to `uri`. The service redirects to `returnTo` with `code` or
   * `error` in the query; `LOGIN_RETURN_URLS` has to list it.
   */
  startProviderSignIn(
    provider: 'google' | 'facebook',
    returnTo: string,
  ): Promise<{ uri: string; codeVerifier: string }>;
  completeProviderSignIn(code: string, codeVerifier: string): Promise<void>;
  /** Ends the session. */
  signOut(): Promise<void>;
  /** The items of all pages of a list. */
  pages<Path extends ListPath>(
    path: Path,
    ...init: InitParam<MaybeOptionalInit<paths[Path], 'get'>>
  ): AsyncGenerator<ItemOf<Path>, void>;
  /** The changes of customers, each once and in order. */
  changes(options?: ChangesOptions): Changes;
  createCustomer(values: Schemas['CreateCustomer'], photo?: Blob): Promise<Customer>;
  /** Fails with `version_conflict` if someone changed the customer since it was read. */
  updateCustomer(customer: Pick<Customer, 'id' | 'version'>, changes: Schemas['UpdateCustomer']): Promise<Customer>;
  /** Fails with `version_conflict` if someone changed the customer since it was read. */
  setPhoto(customer: Pick<Customer, 'id' | 'version'>, photo: Blob): Promise<Customer>;
  /** Imports a CSV or NDJSON file. It is sent once; after a failure, send it again: what is stored stays. */
  importCustomers(file: Blob | string, options?: ImportOptions): Promise<ImportResult>;
}

export function createClient(options: ClientOptions): CrmClient {
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const send = options.fetch ?? ((request: Request) => fetch(request));
  const sendAgain = retrying(send, options.maxRetries ?? 3);

  const session = new Session(async (refreshToken) => {
    const { data } = await anonymous.POST('/login/refresh', { body: { refreshToken } });
    return data!;
  }, options.tokens);

  const throwProblems: Middleware = {
    onResponse: async ({ response }) => {
      if (!response.ok && response.status !== 304) throw await ProblemError.from(response);
    },
  };
  const addIdempotencyKey: Middleware = {
    onRequest: ({ request, schemaPath }) => {
      if (request.method === 'POST' && schemaPath in CREATES && !request.headers.has('idempotency-key'))
        request.headers.set('idempotency-key', crypto.randomUUID());
    },
  };
  const anonymous = createFetchClient<paths>({ baseUrl, fetch: sendAgain });
  anonymous.use(throwProblems);
  const api = createFetchClient<paths>({ baseUrl, fetch: (request) => session.send(sendAgain, request) });
  api.use(throwProblems, addIdempotencyKey);

  const GET = api.GET as Method<'get'>;
  const POST = api.POST as Method<'post'>;
  const PUT = api.PUT as Method<'put'>;
  const PATCH = api.PATCH as Method<'patch'>;
  const DELETE = api.DELETE as Method<'delete'>;

  async function* pages<Path extends ListPath>(
    path: Path,
    ...[init]: InitParam<MaybeOptionalInit<paths[Path], 'get'>>
  ): AsyncGenerator<ItemOf<Path>, void> {
    const get = api.GET as unknown as (path: string, init: object) => Promise<{ data: Page<ItemOf<Path>> }>;
    let cursor: string | null | undefined;
    do {
      const query = { ...init?.params?.query, ...(cursor && { cursor }) };
      const { data } = await get(path, { ...init, params: { ...init?.params, query } });
      yield* data.data;
      cursor = data.page.next;
    } while (cursor);
  }

  function changes({ after, wait, signal }: ChangesOptions = {}): Changes {
    const feed: Changes = {
      cursor: after,
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const query = { after: feed.cursor, wait, limit: 200 };
          const { data } = await GET('/customers/changes', { params: { query }, signal });
          yield* data.data;
          feed.cursor = data.page.next;
          if (!wait && data.data.length === 0) return;
        }
      },
    };
    return feed;
  }

  return {
    GET,
    POST,
    PUT,
    PATCH,
    DELETE,

    get isSignedIn() {
      return session.isSignedIn;
    },

    async signIn(email, password) {
      const { data } = await anonymous.POST('/login', { body: { email, password } });
      session.set(data);
    },

    async startProviderSignIn(provider, returnTo) {
      const codeVerifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(codeVerifier));
      const query = new URLSearchParams({ returnTo, codeChallenge: base64url(new Uint8Array(digest)) });
      return { uri: `${baseUrl}/login/${provider}?${query}`, codeVerifier };
    },

    async completeProviderSignIn(code, codeVerifier) {
      const { data } = await anonymous.POST('/login/exchange', { body: { code, codeVerifier } });
      session.set(data);
    },

    async signOut() {
      await POST('/logout');
      session.set(undefined);
    },

    pages,

    changes,

    async createCustomer(values, photo) {
      if (!photo) return (await POST('/customers', { body: values })).data;
      const form = new FormData();
      for (const [name, value] of Object.entries(values)) if (value != null) form.set(name, String(value));
      form.set('photo', photo);
      return (await POST('/customers', { body: form as never })).data;
    },

    async updateCustomer({ id, version }, body) {
      const params = { path: { id }, header: { 'If-Match': `"v${version}"` } };
      return (await PATCH('/customers/{id}', { params, body })).data;
    },

    async setPhoto({ id, version }, photo) {
      const form = new FormData();
      form.set('photo', photo);
      const params = { path: { id }, header: { 'If-Match': `"v${version}"` } };
      return (await PUT('/customers/{id}/photo', { params, body: form as never })).data;
    },

    async importCustomers(file, options = {}) {
      // refreshes an expired token, as the file can be sent only once
      if (session.isSignedIn) await GET('/me');
      const request = session.authorize(importRequest(baseUrl, file, options));
      return readImport(await send(request), options.onProgress);
    },
  };
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
