import createFetchClient, { type MaybeOptionalInit, type Middleware } from 'openapi-fetch';
import { type ImportOptions, importRequest, type ImportResult, readImport } from './import.js';
import { ProblemError } from './problem-error.js';
import { retrying } from './retry.js';
import { CREATES, type InitParam, type ItemOf, type ListPath, type Method, type Page } from './routes.js';
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
  getCustomer(id: number): Promise<Customer>;
  createCustomer(values: Schemas['CreateCustomer'], photo?: Blob): Promise<Customer>;
  /** Fails with `version_conflict` if someone changed the customer since it was read. */
  updateCustomer(customer: Pick<Customer, 'id' | 'version'>, changes: Schemas['UpdateCustomer']): Promise<Customer>;
  /** Fails with `version_conflict` if someone changed the customer since it was read. */
  deleteCustomer(customer: Pick<Customer, 'id' | 'version'>): Promise<void>;
  /** Undoes a deletion. */
  restoreCustomer(id: number): Promise<Customer>;
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

    async getCustomer(id) {
      return (await GET('/customers/{id}', { params: { path: { id } } })).data;
    },

    async createCustomer(values, photo) {
      if (!photo) return (await POST('/customers', { body: values })).data;
      const form = new FormData();
      for (const [name, value] of Object.entries(values)) if (value != null) form.set(name, String(value));
      form.set('photo', photo);
      return (await POST('/customers', { body: form as never })).data;
    },

    async updateCustomer(customer, body) {
      return (await PATCH('/customers/{id}', { params: asRead(customer), body })).data;
    },

    async deleteCustomer(customer) {
      await DELETE('/customers/{id}', { params: asRead(customer) });
    },

    async restoreCustomer(id) {
      return (await POST('/customers/{id}/restore', { params: { path: { id } } })).data;
    },

    async setPhoto(customer, photo) {
      const form = new FormData();
      form.set('photo', photo);
      return (await PUT('/customers/{id}/photo', { params: asRead(customer), body: form as never })).data;
    },

    async importCustomers(file, options = {}) {
      // refreshes an expired token, as the file can be sent only once
      if (session.isSignedIn) await GET('/me');
      const request = session.authorize(importRequest(baseUrl, file, options));
      return readImport(await send(request), options.onProgress);
    },
  };
}

/** Makes the service refuse a write to a later version. */
const asRead = ({ id, version }: Pick<Customer, 'id' | 'version'>) => ({
  path: { id },
  header: { 'If-Match': `"v${version}"` },
});

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
