import type { Change, paths } from '../../client/src/index.js';
import { WaitingReaders } from '../../src/changes/waiting-readers.js';
import { at, type Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { EventStream } from '../support/event-stream.js';
import { photoFile } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { until } from '../support/program.js';
import { refusalOf } from '../support/refusals.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const FEED = '/customers/changes';
type FeedQuery = NonNullable<paths[typeof FEED]['get']['parameters']['query']>;

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };
  let customers: CustomerFixture;
  const streams: EventStream[] = [];

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
    customers = new CustomerFixture(service);
  });
  afterAll(async () => {
    await Promise.all(streams.map((stream) => stream.close()));
    await service.close();
  });

  const read = async (query: FeedQuery, { crm }: Client = user) => (await crm.GET(FEED, { params: { query } })).data;
  const end = async (): Promise<string> => (await read({ after: 'now' })).page.next;
  const readAfter = (after: string, query: FeedQuery = {}) => read({ ...query, after });
  const open = async (path: string, headers?: Record<string, string>, client: Client = user): Promise<EventStream> => {
    const stream = await EventStream.open(client, path, headers);
    streams.push(stream);
    return stream;
  };
  const waiting = (): number => service.app.get(WaitingReaders).counts.waiting;

  describe('the changes feed', () => {
    it('returns every change once, oldest first, with the customer as it is now', async () => {
      const after = await end();
      const one = await customers.create();
      const two = await customers.create();
      service.clock.forward(1000);
      const changed = await user.crm.updateCustomer(one, { name: 'Eva' });
      await user.crm.deleteCustomer(two);
      await user.crm.POST('/customers/{id}/revert', { ...at(one.id), body: { version: 1 } });
      const current = await user.crm.getCustomer(one.id);
      const { data, response } = await user.crm.GET(FEED, { params: { query: { after } } });
      service.clock.reset();
      expect(response.status).toBe(200);
      expect(data.data).toEqual([
        { id: one.id, version: 1, action: 'created', at: one.createdAt, by: 1, customer: current },
        { id: two.id, version: 1, action: 'created', at: two.createdAt, by: 1, customer: null },
        { id: one.id, version: 2, action: 'updated', at: changed.lastModifiedAt, by: user.id, customer: current },
        { id: two.id, version: 2, action: 'deleted', at: expect.any(String), by: user.id, customer: null },
        { id: one.id, version: 3, action: 'reverted', at: current.lastModifiedAt, by: user.id, customer: current },
      ]);
      const { next } = data.page;
      expect(response.headers.get('link')).toBe(`<${FEED}?after=${next}>; rel="next"`);
      expect(response.headers.get('vary')).toContain('Accept');
      expect(await readAfter(next)).toEqual({ data: [], page: { next } });

      const feed = user.crm.changes({ after });
      const seen: Change[] = [];
      for await (const change of feed) seen.push(change);
      expect(seen).toEqual(data.data);
      expect(feed.cursor).toBe(next);
    });

    it('starts with the oldest change, and every reader sees the same order in pages of any size', async () => {
      for (let n = 0; n < 3; n++) await customers.create();
      const { data } = await read({ limit: 200 });
      const [count] = await customers.query(`SELECT COUNT(*) AS n FROM history WHERE resource = 'customer'`);
      expect(data).toHaveLength(Number(count.n));
      const paged: Change[] = [];
      for (let query: FeedQuery = { limit: 2 }; ;) {
        const { data: page, response } = await service.admin.crm.GET(FEED, { params: { query } });
        if (page.data.length === 0) break;
        paged.push(...page.data);
        query = { limit: 2, after: page.page.next };
        expect(response.headers.get('link')).toBe(`<${FEED}?limit=2&after=${page.page.next}>; rel="next"`);
      }
      expect(paged).toEqual(data);
    });

    it('has the addresses of photos', async () => {
      const after = await end();
      const created = await customers.create();
      const { photo } = await user.crm.setPhoto(created, photoFile(await anotherJpeg()));
      expect(photo).not.toBeNull();
      const { data } = await readAfter(after);
      expect(data.map(({ action, customer }) => [action, customer!.photo])).toEqual([
        ['created', photo],
        ['photo_changed', photo],
      ]);
    });

    it('contains no change that was rolled back or refused', async () => {
      const after = await end();
      const customer = await customers.create();
      await refusalOf(user.crm.createCustomer(newCustomer({ email: customer.email })));
      await refusalOf(user.crm.updateCustomer({ ...customer, version: 9 }, { name: 'Eva' }));
      await user.crm.updateCustomer(customer, {});
      expect((await readAfter(after)).data).toHaveLength(1);
    });

    it.each([
      ['after=', 'after'],
      ['after=0', 'after'],
      ['after=NOW', 'after'],
      ['after=bm93', 'after'],
      ['limit=0', 'limit'],
      ['limit=201', 'limit'],
      ['limit=1e1', 'limit'],
      ['wait=26', 'wait'],
      ['wait=-1', 'wait'],
      ['wait=0.5', 'wait'],
      ['wait=', 'wait'],
      ['cursor=x', 'cursor'],
      ['after=now&after=now', 'after'],
    ])('refuses ?%s', async (query, pointer) => {
      for (const accept of ['application/json', 'text/event-stream']) {
        const { status, body } = await user.get(`${FEED}?${query}`, { headers: { accept } });
        expect({ status, errors: body.errors }).toMatchObject({ status: 400, errors: [{ pointer }] });
      }
    });

    it('refuses cursors that are forged, of another list, or of another installation', async () => {
      await customers.create();
      const after = await end();
      const bytes = Buffer.from(after, 'base64url');
      bytes[bytes.length - 3]! ^= 1;
      const { data: list } = await user.crm.GET('/customers', { params: { query: { limit: 1 } } });
      const other = await startService(kind, { env: { JWT_SECRET: 'another secret - long enough for the signature' } });
      const twin = await startService(kind);
      try {
        await twin.admin.crm.createCustomer(newCustomer());
        const foreign = [
          bytes.toString('base64url'),
          `${after}A`,
          list.page.next!,
          (await read({ after: 'now' }, other.admin)).page.next,
        ];
        for (const cursor of foreign) {
          expect(await refusalOf(readAfter(cursor))).toMatchObject({
            status: 400,
            code: 'invalid_request',
            problem: { errors: [{ pointer: 'after', code: 'invalid_cursor' }] },
          });
          const answer = await user.get(FEED, { headers: { accept: 'text/event-stream', 'last-event-id': cursor } });
          expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: 'Last-Event-ID' }] } });
        }
        // the same secret, but not the same database: a restored backup, a copy for tests
        expect(await refusalOf(read({ after }, twin.admin))).toMatchObject({
          code: 'invalid_request',
          problem: { errors: [{ pointer: 'after', code: 'invalid_cursor' }] },
        });
      } finally {
        await other.close();
        await twin.close();
      }
    });

    it('is closed to clients without access', async () => {
      for (const accept of ['application/json', 'text/event-stream'])
        expect((await service.anonymous.get(FEED, { headers: { accept } })).status).toBe(401);
    });

    it('answers HEAD without waiting for events', async () => {
      const answer = await user.request('HEAD', FEED, { headers: { accept: 'text/event-stream' } });
      expect(answer).toMatchObject({ status: 200, body: '' });
      expect(answer.headers.get('content-type')).toBe('text/event-stream');
    });
  });

  describe('a long poll', () => {
    it('is answered by the next change', async () => {
      const after = await end();
      const polls = [1, 2, 3].map((limit) => readAfter(after, { wait: 25, limit }));
      await until(() => waiting() === 3);
      const { id } = await customers.create();
      for (const { data } of await Promise.all(polls)) expect(data).toMatchObject([{ id, version: 1 }]);
      expect(waiting()).toBe(0);
    });

    it('is empty if nothing changes, and goes on at the same place', async () => {
      const after = await end();
      expect(await readAfter(after, { wait: 1 })).toEqual({ data: [], page: { next: after } });
    });

    it('is answered at once if there are changes', async () => {
      const after = await end();
      await customers.create();
      expect((await readAfter(after, { wait: 25 })).data).toHaveLength(1);
    });

    it('ends when its client disconnects', async () => {
      const after = await end();
      const abort = new AbortController();
      const request = fetch(`${user.url}${FEED}?after=${after}&wait=25`, {
        headers: { authorization: `Bearer ${user.accessToken}` },
        signal: abort.signal,
      });
      await until(() => waiting() === 1);
      abort.abort();
      await expect(request).rejects.toThrow();
      await until(() => waiting() === 0);
    });

    it('is refused if its reader loses access meanwhile', async () => {
      const reader = await service.user();
      const after = await end();
      const poll = reader.get(`${FEED}?after=${after}&wait=25`);
      await until(() => waiting() === 1);
      await service.admin.crm.DELETE('/users/{id}', at(reader.id));
      await customers.create();
      expect((await poll).status).toBe(401);
    });

    it('is one of at most 50 of a user', async () => {
      const after = await end();
      const polls = Array.from({ length: 51 }, () => user.get(`${FEED}?after=${after}&wait=25`));
      await until(() => waiting() === 50);
      const refused = await Promise.race(polls);
      expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } });
      expect(refused.headers.get('retry-after')).toBe('5');
      expect((await service.admin.get(`${FEED}?after=${after}&wait=1`)).status).toBe(200);
      await customers.create();
      const statuses = (await Promise.all(polls)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(50);
    });
  });

  describe('an event stream', () => {
    it('sends its headers at once, then every change as an event', async () => {
      const after = await end();
      const stream = await open(`${FEED}?after=${after}`);
      expect(stream.response.headers.get('cache-control')).toContain('no-store');
      expect(stream.response.headers.get('x-accel-buffering')).toBe('no');
      const created = await customers.create();
      const customer = await user.crm.updateCustomer(created, { notes: 'Zwölf\n\ndata: x' });
      await until(() => stream.events.length === 2);
      const { data: changes, page } = await readAfter(after);
      expect(stream.events.map(({ data }) => ({ ...data, customer }))).toEqual(changes);
      expect(stream.events.map(({ event }) => event)).toEqual(['change', 'change']);
      expect(stream.lastId).toBe(page.next);
      await stream.close();
    });

    it('goes on after Last-Event-ID, which precedes `after`', async () => {
      const after = await end();
      const [one, two] = [await customers.create(), await customers.create()];
      const first = await open(`${FEED}?after=${after}`);
      await until(() => first.events.length === 2);
      await first.close();
      for (const start of ['now', after, 'outdated', '']) {
        const query = start ? `?after=${start}` : '';
        const second = await open(FEED + query, { 'last-event-id': first.events[0]!.id });
        await until(() => second.events.length === 1);
        expect(second.events[0]).toMatchObject({ id: first.events[1]!.id, data: { id: two.id } });
        await second.close();
      }
      expect(first.events[0]!.data.id).toBe(one.id);
    });

    it('tells its position before the first event, so that a reader of `now` misses nothing', async () => {
      const stream = await open(`${FEED}?after=now`);
      await until(() => stream.lastId !== undefined);
      await stream.close();
      const { id } = await customers.create();
      const again = await open(`${FEED}?after=now`, { 'last-event-id': stream.lastId! });
      await until(() => again.events.length === 1);
      expect(again.events[0]!.data.id).toBe(id);
      await again.close();
    });

    it('delivers more changes than fit in a page', async () => {
      const after = await end();
      let customer = await customers.create();
      for (let n = 2; n <= 60; n++) customer = await user.crm.updateCustomer(customer, { name: `Name ${n}` });
      const stream = await open(`${FEED}?after=${after}`);
      await until(() => stream.events.length === 60);
      expect(stream.events.map(({ data }) => data.version)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
      await stream.close();
    });

    it('releases what it holds when its client disconnects', async () => {
      const stream = await open(`${FEED}?after=now`);
      await until(() => waiting() === 1);
      await stream.close();
      await until(() => service.app.get(WaitingReaders).counts.readers === 0);
      expect(waiting()).toBe(0);
    });
  });
});
