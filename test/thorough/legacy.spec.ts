import { readFileSync } from 'node:fs';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { Client } from '../support/client.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { newCustomer, newUser, startService, type TestService } from '../support/service.js';

const sql = readFileSync(new URL('../fixtures/flask-crm.sql', import.meta.url), 'utf8');

const COLUMNS = {
  users:
    'id, email, name, surname, admin, admin_privileges_by, created_at, modified_at, created_by, modified_by, password_hash, is_deleted',
  customers:
    'id, email, name, surname, photo_url, created_by, last_modified_by, created_at, last_modified_at, is_deleted',
};
type Table = keyof typeof COLUMNS;
type Row = Record<string, string | null>;

/** The rows in the dump, as text. */
function rowsInDump(table: Table): Row[] {
  const inserts = sql.matchAll(new RegExp(`^INSERT INTO \`${table}\` \\((.*?)\\) VALUES \\((.*)\\);$`, 'gm'));
  return [...inserts].map(([, names = '', values = '']) => {
    const parsed = [...values.matchAll(/'([^']*)'|([^,]+)/g)].map(([, text, bare]) =>
      text !== undefined ? text : bare === 'NULL' ? null : bare!,
    );
    return Object.fromEntries(names.split(', ').map((name, index) => [name.slice(1, -1), parsed[index] ?? null]));
  });
}

/** The rows in a database as text, independent of the table's character set. */
async function rowsIn(connection: Connection, table: Table): Promise<Row[]> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT ${COLUMNS[table]} FROM ${table} ORDER BY id`);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]: [string, string | number | null]) => [
        name,
        // the old service wrote whole seconds; drop our zero fraction
        value === null ? null : String(value).replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.000$/, '$1'),
      ]),
    ),
  );
}

const connectTo = (database: TestDatabase): Promise<Connection> =>
  mysql.createConnection({ uri: database.uri!, charset: 'utf8mb4', dateStrings: true });

describe('an empty database', () => {
  it('gets the tables and columns of the Flask service', async () => {
    const service = await startService('SQLite');
    try {
      for (const [table, columns] of Object.entries(COLUMNS)) {
        const info = await service.dataSource.query<Array<{ name: string }>>(`PRAGMA table_info(${table})`);
        const names = info.map(({ name }) => name);
        expect(names).toEqual(expect.arrayContaining(columns.split(', ')));
      }
      expect(await service.dataSource.query(`SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'`)).toEqual([]);
    } finally {
      await service.close();
    }
  });
});

const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;
declareOnServer('the database of the Flask service', () => {
  /** A copy that is never migrated. */
  let old: TestDatabase;
  let before: Connection;
  let service: TestService;
  let after: Connection;
  const adopted = {} as Record<Table, Row[]>;

  beforeAll(async () => {
    old = await createDatabase('MariaDB', sql);
    before = await connectTo(old);
    service = await startService('MariaDB', { sql });
    after = await connectTo(service.database);
    for (const table of Object.keys(COLUMNS) as Table[]) adopted[table] = await rowsIn(after, table);
  });
  afterAll(async () => {
    await after.end();
    await service.close();
    await before.end();
    await old.drop();
  });

  const carla = (): Promise<Client> => service.anonymous.signIn('carla@example.com', 'correct horse');

  it('is adopted with every row unchanged, including accents, dates and URLs', async () => {
    expect(rowsInDump('users')).toHaveLength(6);
    expect(rowsInDump('customers')).toHaveLength(35);
    for (const table of ['users', 'customers'] as const) {
      expect(await rowsIn(before, table)).toEqual(rowsInDump(table));
      expect(adopted[table]).toEqual(rowsInDump(table));
    }
    expect(adopted.customers[4]).toMatchObject({ name: 'Ana María', created_at: '2020-02-29 23:59:59' });
    expect(adopted.users[3]).toMatchObject({ surname: 'Ó Briain' });
  });

  it('is converted to utf8mb4, with e-mails compared byte by byte', async () => {
    const charsets = async (connection: Connection): Promise<string[]> => {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT DISTINCT character_set_name AS charset FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name IN ('users', 'customers') AND character_set_name IS NOT NULL`,
      );
      return rows.map(({ charset }) => charset);
    };
    expect(await charsets(before)).toEqual(['latin1']);
    expect(await charsets(after)).toEqual(['utf8mb4']);
    const [collations] = await after.query<RowDataPacket[]>(
      `SELECT DISTINCT collation_name AS collation FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name IN ('users', 'customers') AND column_name = 'email'`,
    );
    expect(collations).toEqual([{ collation: 'utf8mb4_bin' }]);
  });

  it('keeps its alembic_version unchanged', async () => {
    const definition = async (connection: Connection): Promise<unknown[]> => {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT * FROM alembic_version');
      const [[table]] = await connection.query<RowDataPacket[]>('SHOW CREATE TABLE alembic_version');
      return [rows, table];
    };
    expect(await definition(after)).toEqual(await definition(before));
    expect((await definition(after))[0]).toEqual([{ version_num: '429d459dc4af' }]);
  });

  it('has no drift from the schema of the entities', async () => {
    const { upQueries } = await service.dataSource.driver.createSchemaBuilder().log();
    const drift = upQueries.map(({ query }) => query);
    // MariaDB reports old keys without an action as RESTRICT, which InnoDB treats like NO ACTION
    expect(drift.filter((query) => !/(DROP|ADD CONSTRAINT .*) FOREIGN KEY/.test(query))).toEqual([]);
  });

  it('gets no first admin, as it has admins', () => {
    expect(adopted.users.map(({ email }) => email)).not.toContain('admin@example.com');
  });

  it('signs users in with their old passwords, and rehashes them as argon2id', async () => {
    const users = [
      ['carla@example.com', 'correct horse', 'admin'],
      ['ben@example.com', 'battery staple', 'user'],
      ['second.admin@example.com', 'Tr0ub4dor&3', 'admin'],
    ] as const;
    for (const [email, password, role] of users) {
      const client = await service.anonymous.signIn(email, password);
      expect((await client.get('/me')).body).toMatchObject({ email, role, version: 1, hasPassword: true });
      const [[row]] = await after.query<RowDataPacket[]>('SELECT password_hash FROM users WHERE email = ?', [email]);
      expect(row!.password_hash).toMatch(/^\$argon2id\$/);
      await service.anonymous.signIn(email.toUpperCase(), password);
      expect((await service.anonymous.post('/login', { email, password: `${password}.` })).status).toBe(401);
    }
  });

  it.each([
    ['a deleted user', 'gone@example.com', 'was here'],
    ['a user without a password', 'sso.only@example.com', 'None'],
    ['one without an e-mail', 'None', 'battery staple'],
    ['a user without an e-mail, as null', 'null', 'battery staple'],
  ])('refuses to sign in %s', async (_, email, password) => {
    const { status, body } = await service.anonymous.post('/login', { email, password });
    expect(status).toBe(401);
    expect(body.code).toBe('invalid_credentials');
    const [[row]] = await after.query<RowDataPacket[]>(`SELECT password_hash FROM users WHERE id = 3`);
    expect(row!.password_hash).toBe(adopted.users[2]!.password_hash);
  });

  it('lists all customers except the deleted one, page by page', async () => {
    const client = await carla();
    const ids: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await client.get(`/customers?limit=10&sort=id${cursor && `&cursor=${cursor}`}`);
      ids.push(...body.data.map(({ id }: { id: number }) => id));
      cursor = body.page.next;
    }
    expect(ids).toEqual(Array.from({ length: 35 }, (_, index) => index + 1).filter((id) => id !== 4));
    const { body } = await client.get('/customers?deleted=true');
    expect(body.data).toMatchObject([{ id: 4, email: 'deleted@example.com', deletedAt: '2019-09-15T10:30:12.000Z' }]);
    expect((await client.get('/customers/4')).status).toBe(404);
  });

  it('returns customers unchanged, with dates in UTC and the old photo URLs', async () => {
    const client = await carla();
    expect((await client.get('/customers/5')).body).toMatchObject({
      email: 'ana.maria@example.com',
      name: 'Ana María',
      surname: 'de la Cruz',
      phone: null,
      photo: { url: 'https://storage.googleapis.com/crm-photos/Zz9yX8wV7uT6sR5q' },
      createdBy: 1,
      lastModifiedBy: 1,
      createdAt: '2020-02-29T23:59:59.000Z',
      lastModifiedAt: '2020-02-29T23:59:59.000Z',
      version: 1,
      deletedAt: null,
    });
    const { body } = await client.get('/customers?email=jose@example.com');
    expect(body.data[0].photo.url).toBe('https://storage.googleapis.com/crm-photos/aB3dE5fG7hJ9kL1m');
    expect((await client.get('/customers/2')).body.photo).toBeNull();
  });

  it('returns users unchanged, including users without an e-mail', async () => {
    const client = await carla();
    const { body } = await client.get('/users?sort=id');
    expect(body.data.map(({ id }: { id: number }) => id)).toEqual(expect.arrayContaining([1, 2, 4, 5, 6]));
    expect((await client.get('/users/5')).body).toMatchObject({ email: null, name: 'No', hasPassword: true });
    expect((await client.get('/users/4')).body).toMatchObject({ role: 'admin', roleGrantedBy: 1, surname: 'Ó Briain' });
    expect((await client.get('/users/6')).body).toMatchObject({ email: 'sso.only@example.com', hasPassword: false });
  });

  it('treats an e-mail in mixed case as equal to its lower case, in filters and for uniqueness', async () => {
    const client = await carla();
    const { body } = await client.get('/customers?email=mixed.case@example.com');
    expect(body.data).toMatchObject([{ id: 3, email: 'Mixed.Case@Example.com' }]);
    const created = await client.post('/customers', newCustomer({ email: 'mixed.case@example.com' }));
    expect(created).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    const again = await client.post('/customers', newCustomer({ email: 'josé@example.com' }));
    expect(again.status).toBe(201);
  });

  it('reads customers as of a time since their creation', async () => {
    const client = await carla();
    const { body } = await client.get('/customers/10');
    expect(body.createdAt).toBe('2020-03-06T05:00:00.000Z');
    for (const time of [body.createdAt, '2026-11-27T12:00:00Z'])
      expect((await client.get(`/customers/10?asOf=${time}`)).body).toEqual(body);
    expect((await client.get('/customers/10?asOf=2020-03-06T04:59:59Z')).status).toBe(404);
  });

  it('has every customer in the changes feed', async () => {
    const client = await carla();
    const live = new Set<number>();
    for (let path = '/customers/changes?limit=200'; ;) {
      const { body } = await client.get(path);
      if (body.data.length === 0) break;
      for (const { id, customer } of body.data) live[customer ? 'add' : 'delete'](id);
      path = `/customers/changes?after=${body.page.next}`;
    }
    const { body } = await client.get('/customers?limit=200');
    expect([...live].sort()).toEqual(body.data.map(({ id }: { id: number }) => id).sort());
  });

  it('frees the e-mail of a deleted customer', async () => {
    const client = await carla();
    const created = await client.post('/customers', newCustomer({ email: 'Deleted@example.com' }));
    expect(created.status).toBe(201);
    const restored = await client.post('/customers/4/restore');
    expect(restored).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    await client.delete(`/customers/${created.body.id}`);
    expect(await client.post('/customers/4/restore')).toMatchObject({ status: 200, body: { id: 4, deletedAt: null } });
  });

  it('supports the daily work: update, delete and restore customers, invite and promote users', async () => {
    const client = await carla();
    const { body: li, headers } = await client.get('/customers/2');
    const ifMatch = { headers: { 'if-match': headers.get('etag')! } };
    const changed = await client.patch('/customers/2', { surname: '吴', phone: '+8613800138000' }, ifMatch);
    expect(changed).toMatchObject({
      status: 200,
      body: { surname: '吴', version: 2, lastModifiedBy: 1, createdBy: 2 },
    });
    const late = await client.patch('/customers/2', { surname: 'Wu' }, ifMatch);
    expect(late).toMatchObject({ status: 412, body: { code: 'version_conflict', currentVersion: 2 } });
    expect((await client.delete('/customers/2')).status).toBe(204);
    expect((await client.get('/customers/2')).status).toBe(404);
    const restored = await client.post('/customers/2/restore');
    expect(restored.body).toMatchObject({ id: 2, surname: '吴', version: 4, createdAt: li.createdAt });
    const { body: history } = await client.get('/customers/2/history');
    expect(history.data).toMatchObject([
      { version: 4, action: 'restored', by: 1 },
      { version: 3, action: 'deleted', by: 1 },
      { version: 2, action: 'updated', by: 1, changes: { surname: ['Wu', '吴'], phone: [null, '+8613800138000'] } },
      { version: 1, action: 'adopted', by: 2, at: '2019-09-15T10:30:12.000Z', requestId: null, changes: {} },
    ]);

    const { email } = newUser();
    const invited = await client.post('/users', { email, name: 'Zoë', surname: 'Šimková' });
    expect(invited).toMatchObject({ status: 201, body: { role: 'user', hasPassword: false } });
    const { token } = invited.body.invitation;
    const redeemed = await service.anonymous.post('/login/password', { token, newPassword: 'battery staple' });
    expect(redeemed.status).toBe(204);
    const zoe = await service.anonymous.signIn(email, 'battery staple');
    expect((await zoe.get('/users')).status).toBe(403);
    const promoted = await client.put(`/users/${invited.body.id}/role`, { role: 'admin' });
    expect(promoted).toMatchObject({ status: 200, body: { role: 'admin', roleGrantedBy: 1 } });
    expect((await zoe.get('/users')).status).toBe(200);
    const demoted = await client.put(`/users/${invited.body.id}/role`, { role: 'user' });
    expect(demoted).toMatchObject({ status: 200, body: { role: 'user', roleGrantedBy: null } });
    expect([401, 403]).toContain((await zoe.get('/users')).status);
  });

  describe('rolling back: statements of the Flask service', () => {
    it('insert a customer with only the old columns, which this service returns', async () => {
      const [{ insertId }] = await after.execute<mysql.ResultSetHeader>(
        `INSERT INTO customers (email, name, surname, photo_url, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
          VALUES ('flask@example.com', 'José', 'Pérez', NULL, 2, 2, '2026-11-01 12:00:00', '2026-11-01 12:00:00', 0)`,
      );
      const client = await carla();
      const { body } = await client.get(`/customers/${insertId}`);
      expect(body).toMatchObject({ name: 'José', surname: 'Pérez', version: 1, createdAt: '2026-11-01T12:00:00.000Z' });
      expect(await client.patch(`/customers/${insertId}`, { name: 'Pepe' })).toMatchObject({ body: { version: 2 } });
    });

    it('insert a user with only the old columns, who can sign in to this service', async () => {
      const hash = adopted.users[1]!.password_hash!;
      await after.execute(
        `INSERT INTO users (email, name, surname, admin, admin_privileges_by, created_at, modified_at, created_by, modified_by, password_hash, is_deleted)
          VALUES ('new@example.com', 'New', 'User', 0, NULL, '2026-11-01 12:00:00', '2026-11-01 12:00:00', 1, 1, ?, 0)`,
        [hash],
      );
      const client = await service.anonymous.signIn('new@example.com', 'battery staple');
      expect((await client.get('/me')).body).toMatchObject({ email: 'new@example.com', role: 'user' });
    });

    it('find, change and delete customers of this service', async () => {
      const client = await carla();
      const { body: customer } = await client.post('/customers', newCustomer({ name: 'Björk' }));
      const find = async (): Promise<RowDataPacket[]> =>
        (
          await after.execute<RowDataPacket[]>(`SELECT ${COLUMNS.customers} FROM customers WHERE email = ?`, [
            customer.email,
          ])
        )[0];
      expect(await find()).toMatchObject([{ id: customer.id, name: 'Björk', is_deleted: 0, created_by: 1 }]);
      const update = `UPDATE customers SET surname = ?, last_modified_by = 2, last_modified_at = '2026-11-02 08:30:00' WHERE id = ?`;
      await after.execute(update, ['Guðmundsdóttir', customer.id]);
      expect((await client.get(`/customers/${customer.id}`)).body).toMatchObject({
        surname: 'Guðmundsdóttir',
        lastModifiedBy: 2,
        lastModifiedAt: '2026-11-02T08:30:00.000Z',
      });
      await after.execute('UPDATE customers SET is_deleted = 1 WHERE id = ?', [customer.id]);
      expect((await client.get(`/customers/${customer.id}`)).status).toBe(404);
      const restored = await client.post(`/customers/${customer.id}/restore`);
      expect(restored).toMatchObject({ status: 200, body: { surname: 'Guðmundsdóttir', deletedAt: null } });
    });

    it('cannot insert a duplicate e-mail, as before', async () => {
      const insert = `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
        VALUES (?, 'A', 'B', 1, 1, '2026-11-01', '2026-11-01', 0)`;
      await expect(after.execute(insert, ['c01@example.com'])).rejects.toMatchObject({ errno: 1062 });
    });
  });
});
