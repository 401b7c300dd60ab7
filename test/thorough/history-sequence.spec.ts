import { setTimeout as sleep } from 'node:timers/promises';
import { HistorySequence } from '../../src/history/history-sequence.js';
import { onEveryDatabase } from '../support/databases.js';
import { Rows } from '../support/rows.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const WRITERS = 8;
const WRITES = 15;

interface Entry {
  id: number;
  version: number;
  sequence: number;
}

onEveryDatabase((kind) => {
  let services: TestService[];
  const rows = new Rows(() => services[0]!);

  beforeAll(async () => {
    const first = await startService(kind);
    // two instances on a server; the embedded database belongs to one process
    services = kind === 'MariaDB' ? [first, await startService(kind, { beside: first })] : [first];
  });
  afterAll(async () => {
    for (const service of services.toReversed()) await service.close();
  });

  const readAfter = (position: number): Promise<Entry[]> =>
    rows.query(
      `SELECT resource_id AS id, version, sequence FROM history WHERE resource = 'customer' AND sequence > ? ORDER BY sequence`,
      [position],
    );

  it('delivers every committed change once and in version order while writers commit out of order', async () => {
    const { admin } = services[0]!;
    const shared = (await admin.post('/customers', newCustomer())).body.id as number;
    let isWriting = true;
    const writers = Array.from({ length: WRITERS }, async (_, n) => {
      const client = services[n % services.length]!.admin;
      for (let write = 0; write < WRITES; write++) {
        // alternates between a new row and a row that all writers update
        if (write % 2) await client.patch(`/customers/${shared}`, { notes: `${n} ${write}` });
        else await client.post('/customers', newCustomer());
        if (write % 5 === n % 5) await client.patch(`/customers/${shared}`, { name: 'Same' });
      }
    });
    const seen: Entry[] = [];
    const read = async (n: number): Promise<void> => {
      await services[n % services.length]!.app.get(HistorySequence).assign('customer');
      seen.push(...(await readAfter(seen.at(-1)?.sequence ?? 0)));
    };
    const reader = (async (): Promise<void> => {
      for (let n = 0; isWriting; n++) {
        await read(n);
        await sleep(5);
      }
    })();
    await Promise.all(writers);
    isWriting = false;
    await reader;
    await read(0);

    const committed = await rows.query(`SELECT resource_id AS id, version FROM history WHERE resource = 'customer'`);
    const keys = (entries: Array<{ id: number; version: number }>): string[] =>
      entries.map(({ id, version }) => `${id} v${version}`).sort();
    expect(keys(seen)).toEqual(keys(committed));
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1));
    const versions = new Map<number, number>();
    for (const { id, version } of seen) {
      expect(version).toBe((versions.get(id) ?? 0) + 1);
      versions.set(id, version);
    }
  });

  it('numbers the entries of each resource independently', async () => {
    const sequence = services[0]!.app.get(HistorySequence);
    await sequence.assign('user');
    const users = await rows.query(`SELECT sequence FROM history WHERE resource = 'user' ORDER BY sequence`);
    expect(users.map((entry) => entry.sequence)).toEqual(users.map((_, index) => index + 1));
    expect(await sequence.assign('user')).toBe(0);
  });
});
