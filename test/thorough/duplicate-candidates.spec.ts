import mysql from 'mysql2/promise';
import { kinds } from '../support/databases.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { startService, type TestService } from '../support/service.js';

const CUSTOMERS = 20_000;
/** Those with the highest ids, so that a walk in the order of ids passes all others first. */
const NAMESAKES = 2_000;

const describeOnServer = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
describeOnServer('the duplicates of a customer', () => {
  let mariadb: Mariadb;
  let service: TestService;
  let observer: mysql.Connection;

  beforeAll(async () => {
    mariadb = await startMariadb();
    service = await startService('MariaDB', { server: mariadb.uri });
    observer = await mysql.createConnection(service.database.uri!);
    const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ');
    const isNamesake = `n > ${CUSTOMERS - NAMESAKES}`;
    await observer.query(
      `INSERT INTO customers (email, name, surname, phone, created_by, last_modified_by, created_at, last_modified_at,
         is_deleted, name_key, surname_key, email_sort, email_key, indexed_at)
       WITH digits (d) AS (${digits}), numbers (n) AS (
         SELECT 1 + a.d + b.d * 10 + c.d * 100 + d.d * 1000 + e.d * 10000
           FROM digits a, digits b, digits c, digits d, digits e)
       SELECT CONCAT('c', n, '@example.com'), IF(${isNamesake}, 'Juan', CONCAT('Name ', n)),
         IF(${isNamesake}, 'Garcia', CONCAT('Surname ', n)), IF(${isNamesake}, '+34910000000', CONCAT('+346', n)),
         1, 1, '2026-01-01', '2026-01-01', 0, IF(${isNamesake}, 'juan', CONCAT('name ', n)),
         IF(${isNamesake}, 'garcia', CONCAT('surname ', n)), CONCAT('c', n, '@example.com'),
         CONCAT('c', n, '@example.com'), '2026-01-01'
       FROM numbers WHERE n <= ${CUSTOMERS} ORDER BY n`,
    );
    await observer.query('ANALYZE TABLE customers');
  });
  afterAll(async () => {
    observer.destroy();
    await service.close();
    await mariadb.remove();
  });

  /** Rows and index entries that the whole server has read. */
  async function reads(): Promise<number> {
    const [rows] = await observer.query("SHOW GLOBAL STATUS LIKE 'Handler_read%'");
    return (rows as Array<{ Value: string }>).reduce((sum, { Value }) => sum + Number(Value), 0);
  }

  it('of a common name and phone number are found without reading all customers', async () => {
    const [[row]] = (await observer.query(`SELECT MAX(id) AS id FROM customers`)) as unknown as [[{ id: number }]];
    const before = await reads();
    const { status, body } = await service.admin.get(`/customers/${row.id}/duplicates`);
    const read = (await reads()) - before;
    expect(status).toBe(200);
    expect(body.data).toHaveLength(20);
    expect(body.data[0]).toMatchObject({ score: 0.6, reasons: ['phone', 'name'] });
    expect(read).toBeLessThan(NAMESAKES);
  });
});
