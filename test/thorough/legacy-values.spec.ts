import { readFileSync } from 'node:fs';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { EmailCollisionError } from '../../src/database/email-collisions.js';
import type { Client } from '../support/client.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const dump = readFileSync(new URL('../fixtures/flask-crm.sql', import.meta.url), 'utf8');

const CUSTOMER = `INSERT INTO customers
  (id, email, name, surname, photo_url, created_by, last_modified_by, created_at, last_modified_at, is_deleted) VALUES`;
const KELVIN = `CONCAT(CONVERT(0xE284AA USING utf8mb4), 'elvin@example.com')`;
const MODIFIED = `'2019-09-15 10:30:12'`;

/** What a server of another `sql_mode` or collation has accepted. */
const ODDITIES = `
  SET SESSION sql_mode = 'ALLOW_INVALID_DATES';
  ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  ALTER TABLE customers CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  ${CUSTOMER}
    (101, 'jorg@example.com', 'A', 'B', NULL, 1, 1, '0000-00-00 00:00:00', '0000-00-00 00:00:00', 0),
    (102, 'jörg@example.com', 'A', 'B', '', 1, 1, '2019-00-00 00:00:00', '2019-05-00 10:30:12', 0),
    (103, 'strasse@example.com', '', '', '  ', 1, 1, '2019-02-30 01:02:03', ${MODIFIED}, 0),
    (104, 'straße@example.com', 'A', 'B', NULL, 1, 1, '0000-00-00 00:00:00', ${MODIFIED}, 0),
    (105, 'Ana@example.com', 'A', 'B', NULL, 1, 1, ${MODIFIED}, '0000-00-00 00:00:00', 1),
    (106, 'ana@example.com', 'A', 'B', NULL, 1, 1, '2020-02-29 10:30:12', ${MODIFIED}, 0),
    (107, 'tab@example.com\t', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (108, 'İbrahim@Example.com', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (109, 'ibrahim@example.com', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (110, ${KELVIN}, 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (111, 'kelvin@example.com', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (112, ' space@example.com', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (113, 'JÖRN@example.com', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 0),
    (114, '', 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, 2);
  INSERT INTO users (id, email, name, surname, admin, created_at, modified_at, password_hash, is_deleted)
    SELECT 101, 'tab.user@example.com\t', '', '', 2, '0000-00-00 00:00:00', '2019-11-31 00:00:00', password_hash, 0
      FROM users WHERE id = 1;
  INSERT INTO users (id, email, name, surname, admin, created_at, modified_at, password_hash, is_deleted) VALUES
    (102, '', 'A', 'B', NULL, NULL, NULL, NULL, 0),
    (103, 'josé@example.com', 'A', 'B', 0, '2019-00-00 00:00:00', NULL, '', 0),
    (104, 'jose@example.com', 'A', 'B', 0, NULL, '0000-00-00 00:00:00', NULL, 0);
`;

const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;

declareOnServer('a database of the Flask service with unusual values', () => {
  let service: TestService;
  let client: Client;
  beforeAll(async () => {
    service = await startService('MariaDB', { sql: dump + ODDITIES });
    client = await service.anonymous.signIn('carla@example.com', 'correct horse');
  });
  afterAll(() => service.close());

  async function readAll(path: string): Promise<Array<Record<string, any>>> {
    const rows: Array<Record<string, any>> = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { status, body } = await client.get(`${path}&limit=7${cursor && `&cursor=${cursor}`}`);
      expect(status).toBe(200);
      rows.push(...body.data);
      cursor = body.page.next;
    }
    return rows;
  }

  it('keeps the schema that the entities expect', async () => {
    const { upQueries } = await service.dataSource.driver.createSchemaBuilder().log();
    const drift = upQueries.map(({ query }) => query);
    // MariaDB reports old keys without an action as RESTRICT, which InnoDB treats like NO ACTION
    expect(drift.filter((query) => !/(DROP|ADD CONSTRAINT .*) FOREIGN KEY/.test(query))).toEqual([]);
  });

  it.each([
    [101, '1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
    [102, '2019-01-01T00:00:00.000Z', '2019-05-01T10:30:12.000Z'],
    [103, '2019-02-28T01:02:03.000Z', '2019-09-15T10:30:12.000Z'],
    [104, '2019-09-15T10:30:12.000Z', '2019-09-15T10:30:12.000Z'],
    [106, '2020-02-29T10:30:12.000Z', '2019-09-15T10:30:12.000Z'],
  ])('has dates that exist for customer %i', async (id, createdAt, lastModifiedAt) => {
    expect((await client.get(`/customers/${id}`)).body).toMatchObject({ createdAt, lastModifiedAt, photo: null });
  });

  it('has dates that exist or are null for users', async () => {
    const users = await Promise.all([101, 102, 103, 104].map(async (id) => (await client.get(`/users/${id}`)).body));
    expect(users).toMatchObject([
      { email: 'tab.user@example.com', role: 'admin', createdAt: null, lastModifiedAt: '2019-11-30T00:00:00.000Z' },
      { email: null, role: 'user', createdAt: null, lastModifiedAt: null, hasPassword: false },
      { email: 'josé@example.com', createdAt: '2019-01-01T00:00:00.000Z', hasPassword: false },
      { email: 'jose@example.com', createdAt: null, lastModifiedAt: null },
    ]);
  });

  it.each(['id', 'name', 'email', 'createdAt', 'lastModifiedAt'])('lists all rows in the order of %s', async (sort) => {
    const ids = (rows: Array<Record<string, any>>): number[] =>
      rows.map(({ id }) => id as number).sort((a, b) => a - b);
    const customers = await readAll(`/customers?sort=${sort}`);
    const live = [...Array.from({ length: 35 }, (_, index) => index + 1).filter((id) => id !== 4)];
    expect(ids(customers)).toEqual([...live, ...[101, 102, 103, 104], ...[106, 107, 108, 109, 110, 111, 112, 113]]);
    expect(ids(await readAll(`/customers?sort=-${sort}&deleted=true`))).toEqual([4, 105, 114]);
    expect(ids(await readAll(`/users?sort=${sort}`))).toEqual([1, 2, 4, 5, 6, 101, 102, 103, 104]);
  });

  it.each([
    [101, 'jorg@example.com'],
    [102, 'JÖRG@example.com'],
    [103, 'strasse@example.com'],
    [104, 'straße@example.com'],
    [106, 'ANA@example.com'],
    [107, 'tab@example.com'],
    [108, 'İbrahim@example.com'],
    [109, 'IBRAHIM@example.com'],
    [110, '\u212Aelvin@example.com'],
    [111, 'Kelvin@example.com'],
    [112, 'space@example.com'],
    [113, 'jörn@example.com'],
  ])('finds only customer %i as %s', async (id, email) => {
    const { body } = await client.get(`/customers?email=${encodeURIComponent(email)}`);
    expect(body.data).toMatchObject([{ id }]);
  });

  it('changes every customer and reads it with its history', async () => {
    for (const { id, version, ...before } of await readAll('/customers?sort=id')) {
      const changed = await client.patch(`/customers/${id}`, { company: 'Cruz & Hijos' });
      expect(changed.status).toBe(200);
      expect(changed.body).toEqual({
        ...{ ...before, id, company: 'Cruz & Hijos', version: version + 1, lastModifiedBy: 1 },
        lastModifiedAt: expect.any(String) as string,
      });
      expect((await client.get(`/customers/${id}`)).body).toEqual(changed.body);
      const { body: history } = await client.get(`/customers/${id}/history`);
      expect(history.data[0]).toMatchObject({ action: 'updated', changes: { company: [null, 'Cruz & Hijos'] } });
    }
  });

  it('changes every user', async () => {
    for (const { id } of await readAll('/users?sort=id')) {
      if (id === 1) continue;
      expect(await client.patch(`/users/${id}`, { surname: 'Pérez' })).toMatchObject({ status: 200 });
      expect((await client.get(`/users/${id}/history`)).status).toBe(200);
    }
  });

  it('deletes and restores, unless the e-mail belongs to another row', async () => {
    expect((await client.delete('/customers/102')).status).toBe(204);
    expect((await client.post('/customers/102/restore')).status).toBe(200);
    expect(await client.post('/customers/105/restore')).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    const { status } = await client.post('/customers', newCustomer({ email: 'Tab@example.com' }));
    expect(status).toBe(409);
  });

  it('signs in a user whose e-mail ended with a tab', async () => {
    await service.anonymous.signIn('tab.user@example.com', 'correct horse');
  });
});

declareOnServer('a database of the Flask service with active rows that share an e-mail', () => {
  let database: TestDatabase;
  let connection: Connection;
  beforeEach(async () => {
    database = await createDatabase('MariaDB', dump);
    connection = await mysql.createConnection({ uri: database.uri!, charset: 'utf8mb4', multipleStatements: true });
  });
  afterEach(async () => {
    await connection.end();
    await database.drop();
  });

  const row = (id: number, email: string, isDeleted = 0): string =>
    `${CUSTOMER} (${id}, ${email}, 'A', 'B', NULL, 1, 1, ${MODIFIED}, ${MODIFIED}, ${isDeleted});`;

  /** Definition and rows of every table, except for the lock of starting instances. */
  async function content(): Promise<unknown> {
    const [tables] = await connection.query<RowDataPacket[]>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY name`,
    );
    const names = tables.map(({ name }) => name as string).filter((name) => name !== 'locks');
    return Promise.all(
      names.flatMap((name) => [
        connection.query(`SHOW CREATE TABLE ${name}`).then(([definition]) => definition),
        connection.query(`SELECT * FROM ${name}`).then(([rows]) => rows),
      ]),
    );
  }

  it.each([
    ['a leading space', row(101, `' li@example.com'`), 'customers.email of ids 2, 101'],
    ['a tab', row(101, `'li@example.com\t'`), 'customers.email of ids 2, 101'],
    [
      'case',
      `ALTER TABLE customers MODIFY email varchar(120) COLLATE latin1_bin NOT NULL; ${row(101, `'LI@example.com'`)}`,
      'customers.email of ids 2, 101',
    ],
    [
      'case of an accented letter',
      `ALTER TABLE customers MODIFY email varchar(120) COLLATE latin1_bin NOT NULL;
       ${row(101, `'JÖRG@example.com'`)} ${row(102, `'jörg@example.com'`)} ${row(103, `'Jörg@example.com'`, 1)}`,
      'customers.email of ids 101, 102',
    ],
    [
      'a space, in a user',
      `INSERT INTO users (id, email, name, surname, is_deleted) VALUES (101, ' ben@example.com', 'A', 'B', 0)`,
      'users.email of ids 2, 101',
    ],
  ])('is not changed if they differ by %s, and the error names them', async (_, sql, named) => {
    await connection.query(sql);
    const before = await content();
    const start = startService('MariaDB', { beside: { database } as TestService });
    await expect(start).rejects.toThrow(EmailCollisionError);
    await expect(start).rejects.toThrow(named);
    await expect(start).rejects.toThrow(expect.not.objectContaining({ message: expect.stringMatching(/@/) as string }));
    expect(await content()).toEqual(before);
  });
});
