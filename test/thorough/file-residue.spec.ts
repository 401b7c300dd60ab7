import { FileResidue } from '../../src/database/file-residue.js';
import { findInFiles } from '../support/residue.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const CUSTOMERS = 120;

/** Only the embedded database: the files of a server are out of reach. */
describe('the file of the embedded database', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());

  const markOf = (n: number): string => `zqmark${String(n).padStart(4, '0')}zq`;

  it('contains nothing of erased customers, also after SQLite has moved their rows between pages', async () => {
    const { admin, dataSource } = service;
    const ids: number[] = [];
    for (let n = 0; n < CUSTOMERS; n++) {
      const mark = markOf(n);
      // names in no order, and rows that grow, so that pages are split
      const name = `${(n * 7919) % 1000} ${mark}`;
      const { body } = await admin.post(
        '/customers',
        newCustomer({ name, email: `${mark}@example.com`, company: mark }),
      );
      ids.push(body.id);
    }
    for (const [n, id] of ids.entries())
      await admin.patch(`/customers/${id}`, { notes: markOf(n).repeat(1 + ((n * 31) % 120)), surname: markOf(n) });
    const erased = ids.flatMap((id, n) => (n % 4 === 0 ? [{ id, n }] : []));
    for (const { id } of erased) expect((await admin.post(`/customers/${id}/erase`)).status).toBe(204);
    for (const { n } of erased) expect([n, findInFiles(service.dataDir, markOf(n))]).toEqual([n, []]);
    expect(findInFiles(service.dataDir, markOf(1))).not.toEqual([]);
    expect(await dataSource.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect((await admin.get(`/customers/${ids[1]}`)).body.surname).toBe(markOf(1));
  });

  it('stays intact while it is cleaned and written at the same time', async () => {
    const { admin, app, dataSource } = service;
    const residue = app.get(FileResidue);
    const writes = Array.from({ length: 40 }, (_, n) =>
      admin.post('/customers', newCustomer({ notes: 'n'.repeat(n * 100) })),
    );
    await Promise.all([residue.overwrite(), ...writes, residue.overwrite()]);
    for (const { status } of await Promise.all(writes)) expect(status).toBe(201);
    expect(await dataSource.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(await dataSource.query('PRAGMA foreign_key_check')).toEqual([]);
  });
});
