import { setTimeout as sleep } from 'node:timers/promises';
import { CustomersService } from '../../src/customers/customers.service.js';
import { NO_PHOTO } from '../../src/photos/stored-photo.js';
import { ResourceWriter } from '../../src/writes/resource-writer.js';
import { Transactions } from '../../src/writes/transactions.js';
import { kinds, onEveryDatabase } from '../support/databases.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const FEED = '/customers/changes';
const WRITERS = 6;
const WRITES = 12;

interface Change {
  id: number;
  version: number;
}

/** A consumer that keeps its cursor, and reads from any instance. */
class Consumer {
  readonly seen: Change[] = [];
  private path = `${FEED}?limit=7`;

  async read({ admin }: TestService, more = ''): Promise<number> {
    const { status, body } = await admin.get(this.path + more);
    expect(status).toBe(200);
    this.seen.push(...body.data);
    this.path = `${FEED}?limit=7&after=${body.page.next}`;
    return body.data.length;
  }

  async readAll(service: TestService): Promise<void> {
    while ((await this.read(service)) > 0);
  }
}

const keyOf = ({ id, version }: Change): string => `${id} v${version}`;

function expectVersionsInOrder(changes: Change[]): void {
  const versions = new Map<number, number>();
  for (const { id, version } of changes) {
    expect(`${id} v${version}`).toBe(`${id} v${(versions.get(id) ?? 0) + 1}`);
    versions.set(id, version);
  }
}

/** Creates a customer in a transaction that commits when `commit` is called. */
async function createSlowly({ app }: TestService): Promise<{ id: number; commit: () => Promise<void> }> {
  const { resource } = app.get(CustomersService);
  const values = { ...newCustomer(), name: 'Slow', surname: 'Commit', phone: null, company: null, notes: null };
  let commit!: () => void;
  const held = new Promise<void>((resolve) => (commit = resolve));
  let isInserted!: (id: number) => void;
  const inserted = new Promise<number>((resolve) => (isInserted = resolve));
  const transaction = app.get(Transactions).run(async (manager) => {
    const context = { actorId: 1, requestId: null };
    const row = await app.get(ResourceWriter).createIn(manager, resource, context, { ...values, ...NO_PHOTO });
    isInserted(row.id);
    await held;
  });
  const id = await inserted;
  return {
    id,
    commit: () => {
      commit();
      return transaction;
    },
  };
}

onEveryDatabase((kind) => {
  let first: TestService;
  let services: TestService[];

  beforeAll(async () => {
    first = await startService(kind);
    // two instances on a server; the embedded database belongs to one process
    services = kind === 'MariaDB' ? [first, await startService(kind, { beside: first })] : [first];
  });
  afterAll(async () => {
    for (const service of services) if (service !== first) await service.close();
    await first.close();
  });

  it('loses and repeats nothing while writers race, fail and delete, and instances restart', async () => {
    const consumers = [new Consumer(), new Consumer()];
    const { admin } = first;
    const shared = (await admin.post('/customers', newCustomer())).body as { id: number; email: string };
    let isWriting = true;
    const writer = async (n: number): Promise<void> => {
      const { admin: client } = services[n % services.length]!;
      let own = 0;
      for (let write = 0; write < WRITES; write++) {
        if (write % 4 === 0) own = (await client.post('/customers', newCustomer())).body.id;
        else if (write % 4 === 1) await client.patch(`/customers/${shared.id}`, { notes: `${n} ${write}` });
        else if (write % 4 === 2) await client.delete(`/customers/${own}`);
        else await client.post(`/customers/${own}/restore`);
        // rolled back
        if (write % 5 === n % 5) await client.post('/customers', newCustomer({ email: shared.email }));
      }
    };
    const reader = async (consumer: Consumer): Promise<void> => {
      for (let n = 0; isWriting; n++) {
        await consumer.read(services[n % services.length]!, '&wait=1');
        await sleep(n % 3);
      }
    };
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)));
    const reading = consumers.map(reader);
    await writing;
    isWriting = false;
    await Promise.all(reading);
    // another process: what it knows of the order is in the database
    if (kind === 'MariaDB') await services.pop()!.close();
    else await first.app.close();
    const restarted = await startService(kind, { beside: first });
    services.push(restarted);
    await restarted.admin.post('/customers', newCustomer());
    for (const consumer of consumers) await consumer.readAll(restarted);

    const committed: Change[] = await restarted.dataSource.query(
      `SELECT resource_id AS id, version FROM history WHERE resource = 'customer'`,
    );
    for (const { seen } of consumers) {
      expect(seen.map(keyOf).sort()).toEqual(committed.map(keyOf).sort());
      expectVersionsInOrder(seen);
      expect(seen).toHaveLength(committed.length);
    }
    expect(consumers[0]!.seen.map(keyOf)).toEqual(consumers[1]!.seen.map(keyOf));
  }, 240_000);
});

/** SQLite has one writer at a time, whose ids are in the order of commits. */
(kinds.includes('MariaDB') ? describe : describe.skip)('transactions that commit out of order on MariaDB', () => {
  let services: TestService[];
  beforeAll(async () => {
    const first = await startService('MariaDB');
    services = [first, await startService('MariaDB', { beside: first })];
  });
  afterAll(async () => {
    for (const service of services.toReversed()) await service.close();
  });

  it('are all in the feed, while a reader of `id > last` misses one', async () => {
    const [one, two] = services as [TestService, TestService];
    const consumer = new Consumer();
    let lastId = 0;
    const readById = async (): Promise<number[]> => {
      const rows = await one.dataSource.query<Array<{ id: number }>>(
        'SELECT id FROM customers WHERE id > ? ORDER BY id',
        [lastId],
      );
      lastId = rows.at(-1)?.id ?? lastId;
      return rows.map(({ id }) => id);
    };
    const slow = await createSlowly(one);
    const quick = (await two.admin.post('/customers', newCustomer())).body.id as number;
    expect(quick).toBeGreaterThan(slow.id);
    const naive = await readById();
    await consumer.readAll(two);
    expect(consumer.seen.map(({ id }) => id)).toEqual([quick]);
    await slow.commit();
    naive.push(...(await readById()));
    await consumer.readAll(one);
    expect(consumer.seen.map(({ id }) => id)).toEqual([quick, slow.id]);
    expect(naive).toEqual([quick]);
  });
});
