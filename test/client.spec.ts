import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Change,
  createClient,
  type CrmClient,
  type ImportEvent,
  type ProblemError,
  type Tokens,
} from '../client/src/index.js';
import { anotherJpeg, jpeg } from './support/images.js';
import { refusalOf } from './support/refusals.js';
import { newCustomer, startService, type TestService, unique } from './support/service.js';

const MINUTE_MS = 60_000;

describe('the typed client', () => {
  let service: TestService;
  let user: Awaited<ReturnType<TestService['user']>>;
  let crm: CrmClient;
  beforeAll(async () => {
    service = await startService('SQLite');
    user = await service.user({ role: 'admin' });
    crm = createClient({ baseUrl: `${service.anonymous.url}/`, fetch: service.anonymous.fetch });
    await crm.signIn(user.email, user.password);
  });
  afterAll(() => service.close());
  afterEach(() => service.clock.reset());

  it('creates, reads, updates, deletes and restores', async () => {
    const values = newCustomer();
    const created = await crm.createCustomer(values);
    expect(created).toMatchObject({ ...values, version: 1 });
    const updated = await crm.updateCustomer(created, { company: 'Cruz S.L.', phone: null });
    expect(updated).toMatchObject({ company: 'Cruz S.L.', version: 2 });
    const { data, response } = await crm.GET('/customers/{id}', { params: { path: { id: created.id } } });
    expect([data, response.headers.get('etag')]).toEqual([updated, '"v2"']);
    await crm.deleteCustomer(updated);
    const gone = await refusalOf(crm.getCustomer(created.id));
    expect([gone.code, gone.status]).toEqual(['customer_not_found', 404]);
    const restored = await crm.restoreCustomer(created.id);
    expect(restored).toMatchObject({ company: 'Cruz S.L.', version: 4 });
    expect(await crm.getCustomer(created.id)).toEqual(restored);
  });

  it('throws the problem document of a refusal, and the current version of a conflict', async () => {
    const customer = await crm.createCustomer(newCustomer());
    await crm.updateCustomer(customer, { notes: 'first' });
    for (const write of [() => crm.updateCustomer(customer, { notes: 'second' }), () => crm.deleteCustomer(customer)]) {
      const conflict = await refusalOf(write());
      expect([conflict.code, conflict.currentVersion]).toEqual(['version_conflict', 2]);
      expect(conflict.response.headers.get('etag')).toBe('"v2"');
    }
    const invalid = await refusalOf(crm.createCustomer({ ...newCustomer(), email: 'no e-mail' }));
    expect(invalid.code).toBe('invalid_request');
    expect(invalid.problem.errors).toMatchObject([{ pointer: '/email' }]);
    expect(invalid.message).toContain(invalid.problem.title);
  });

  it('uploads photos', async () => {
    const photo = new Blob([new Uint8Array(await jpeg())], { type: 'image/jpeg' });
    const customer = await crm.createCustomer(newCustomer(), photo);
    expect((await fetch(customer.photo!.url)).headers.get('content-type')).toBe('image/webp');
    const another = new Blob([new Uint8Array(await anotherJpeg())], { type: 'image/jpeg' });
    const replaced = await crm.setPhoto(customer, another);
    expect(replaced.version).toBe(2);
    expect(replaced.photo!.url).not.toBe(customer.photo!.url);
  });

  it('reads all pages of a list', async () => {
    const company = `Pages ${unique()}`;
    const created: number[] = [];
    for (let i = 0; i < 5; i++) created.push((await crm.createCustomer({ ...newCustomer(), company })).id);
    const ids: number[] = [];
    for await (const { id } of crm.pages('/customers', { params: { query: { company, limit: 2, sort: 'id' } } }))
      ids.push(id);
    expect(ids).toEqual(created);
  });

  it('follows changes: to the newest, and on from a cursor', async () => {
    const start = crm.changes({ after: 'now' });
    for await (const change of start) throw new Error(`Not new: ${JSON.stringify(change)}`);
    const customer = await crm.createCustomer(newCustomer());
    const feed = crm.changes({ after: start.cursor });
    const seen: Change[] = [];
    for await (const change of feed) seen.push(change);
    expect(seen).toMatchObject([{ id: customer.id, action: 'created', customer: { version: 1 } }]);

    const iterator = crm.changes({ after: feed.cursor, wait: 25 })[Symbol.asyncIterator]();
    const next = iterator.next();
    await crm.updateCustomer(customer, { notes: 'waited for' });
    expect(await next).toMatchObject({ done: false, value: { id: customer.id, version: 2 } });
  });

  it('imports a file and reports its progress', async () => {
    const events: ImportEvent[] = [];
    const file = new File(
      [`email;name;surname\nimport-${unique()}@example.com;Ana;Cruz\nwrong;Eva;Ruiz\n`],
      'people.csv',
    );
    const result = await crm.importCustomers(file, { onProgress: (event) => events.push(event) });
    expect(result).toEqual({ rows: 2, created: 1, updated: 0, skipped: 0, failed: 1 });
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['columns', 'rowError', 'done']));
    expect((await refusalOf(crm.importCustomers('no header\n'))).code).toBe('invalid_request');
  });

  describe('with an expired access token', () => {
    it('refreshes once for ten requests, and before an import', async () => {
      const saved: Array<Tokens | undefined> = [];
      const fresh = createClient({
        baseUrl: service.anonymous.url,
        fetch: service.anonymous.fetch,
        tokens: { load: () => undefined, save: (tokens) => saved.push(tokens) },
      });
      await fresh.signIn(user.email, user.password);
      service.clock.forward(11 * MINUTE_MS);
      await Promise.all(Array.from({ length: 10 }, () => fresh.GET('/me')));
      expect(saved).toHaveLength(2);
      service.clock.forward(11 * MINUTE_MS);
      expect(await fresh.importCustomers('email,name,surname\n')).toMatchObject({ rows: 0 });
      expect(saved).toHaveLength(3);

      const reloaded = createClient({
        baseUrl: service.anonymous.url,
        tokens: { load: () => saved.at(-1), save: (tokens) => saved.push(tokens) },
      });
      expect(reloaded.isSignedIn).toBe(true);
      expect((await reloaded.GET('/me')).data.email).toBe(user.email);
      await reloaded.signOut();
      expect([reloaded.isSignedIn, saved.at(-1)]).toEqual([false, undefined]);
    });

    it('is signed out when the session has ended', async () => {
      const other = await service.user();
      const client = createClient({ baseUrl: service.anonymous.url, fetch: service.anonymous.fetch });
      await client.signIn(other.email, other.password);
      await crm.DELETE('/users/{id}/sessions', { params: { path: { id: other.id } } });
      expect((await refusalOf(client.GET('/me'))).code).toBe('invalid_refresh_token');
      expect(client.isSignedIn).toBe(false);
      expect((await refusalOf(client.GET('/me'))).code).toBe('unauthenticated');
      expect((await refusalOf(client.signIn(other.email, 'wrong'))).code).toBe('invalid_credentials');
    });
  });

  describe('on a bad network', () => {
    /** The service receives the first request, but its response is lost. */
    const losingFirst = (): ((request: Request) => Promise<Response>) => {
      let isFirst = true;
      return async (request) => {
        const response = await fetch(request);
        if (!isFirst || request.url.endsWith('/login')) return response;
        isFirst = false;
        throw new TypeError('fetch failed');
      };
    };

    it('creates once although the response was lost', async () => {
      const client = createClient({ baseUrl: service.anonymous.url, fetch: losingFirst() });
      await client.signIn(user.email, user.password);
      const { email } = await client.createCustomer(newCustomer());
      expect((await service.admin.get(`/customers?email=${email}`)).body.data).toHaveLength(1);
    });

    it('does not repeat a POST without an Idempotency-Key', async () => {
      const client = createClient({ baseUrl: service.anonymous.url, fetch: losingFirst() });
      await client.signIn(user.email, user.password);
      await expect(client.POST('/logout')).rejects.toThrow('fetch failed');
    });

    it('waits as long as Retry-After says, and reports what is no problem document', async () => {
      const statuses: number[] = [];
      const proxy = createServer((request, response) => {
        const isBusy = request.url === '/livez' && statuses.length === 0;
        statuses.push(isBusy ? 503 : 502);
        if (isBusy) response.writeHead(503, { 'retry-after': '1' }).end();
        else response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
      }).listen(0, '127.0.0.1');
      await sleep(0);
      const client = createClient({ baseUrl: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
      const started = performance.now();
      const error = await refusalOf(client.GET('/livez'));
      expect(performance.now() - started).toBeGreaterThan(990);
      expect(statuses).toEqual([503, 502]);
      expect([error.code, error.status, error.problem.detail]).toEqual([
        'unexpected_response',
        502,
        '<h1>Bad gateway</h1>',
      ]);
      proxy.close();
    });
  });

  it('has the types of the API', () => {
    const unused = async (): Promise<void> => {
      const { data } = await crm.GET('/customers');
      data.data satisfies Array<{ id: number; phone: string | null }>;
      data.page.next satisfies string | null;
      // @ts-expect-error an unknown path
      await crm.GET('/customer');
      // @ts-expect-error a missing parameter
      await crm.GET('/customers/{id}');
      // @ts-expect-error an unknown member
      await crm.createCustomer({ email: '', name: '', surname: '', adress: '' });
      // what has a default is optional
      await crm.POST('/users', { body: { email: '', name: '', surname: '' } });
      // @ts-expect-error required on create
      await crm.createCustomer({ email: '' });
      // @ts-expect-error a single resource is no list
      crm.pages('/customers/{id}');
      // @ts-expect-error the feed has no last page
      crm.pages('/customers/changes');
      const problem = {} as ProblemError;
      // @ts-expect-error not a code of the service
      problem.code satisfies 'customer_gone';
      if (problem.code === 'version_conflict') problem.currentVersion satisfies number | undefined;
    };
    expect(unused).toBeInstanceOf(Function);
  });
});
