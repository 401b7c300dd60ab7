import { createDatabase, kinds } from '../support/databases.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const NOTES = 'ñ'.repeat(5_000);
const MAX_WRITES = 2_000;

/** Writes until the database is full: the client fails the test on any other error of the service. */
async function writeUntilFull({ admin }: TestService): Promise<number[]> {
  const written: number[] = [];
  while (written.length < MAX_WRITES) {
    const { status, body } = await admin.post('/customers', newCustomer({ notes: NOTES }));
    if (status !== 201) {
      expect([status, body.code]).toEqual([503, 'database_unavailable']);
      return written;
    }
    written.push(body.id);
  }
  throw new Error('The database never gets full');
}

async function expectAllThere({ admin }: TestService, written: number[]): Promise<void> {
  for (const id of written) {
    expect((await admin.get(`/customers/${id}`)).body).toMatchObject({ id, notes: NOTES, version: 1 });
    expect((await admin.get(`/customers/${id}/history`)).body.data).toHaveLength(1);
  }
}

describe('a full disk', () => {
  it('of the embedded database is a 503 for writes until there is space, and loses nothing', async () => {
    const service = await startService('SQLite');
    const [{ page_count: pages }] = await service.dataSource.query<[{ page_count: number }]>('PRAGMA page_count');
    await service.dataSource.query(`PRAGMA max_page_count = ${pages + 100}`);
    const written = await writeUntilFull(service);
    await expectAllThere(service, written);
    await service.dataSource.query(`PRAGMA max_page_count = ${pages + 10_000}`);
    expect((await service.admin.post('/customers', newCustomer({ notes: NOTES }))).status).toBe(201);
    await service.close();
  });

  const onServer = kinds.includes('MariaDB') && hasMariadb() ? it : it.skip;
  onServer('of the server is a 503 for writes, and loses nothing', async () => {
    const mariadb: Mariadb = await startMariadb([
      '--innodb-file-per-table=0',
      '--innodb-data-file-path=ibdata1:12M:autoextend:max:72M',
    ]);
    try {
      const { uri } = await createDatabase('MariaDB', undefined, mariadb.uri);
      // the server has no space left to drop it
      const service = await startService('MariaDB', { database: { uri, drop: () => Promise.resolve() } });
      await service.dataSource.query('CREATE TABLE filler (content LONGBLOB) ENGINE = InnoDB');
      for (let isFull = false; !isFull;)
        isFull = await service.dataSource
          .query(`INSERT INTO filler VALUES (REPEAT('x', 1000000))`)
          .then(() => false)
          .catch(() => true);
      const written = await writeUntilFull(service);
      await expectAllThere(service, written);
      await service.close();
    } finally {
      await mariadb.remove();
    }
  });
});
