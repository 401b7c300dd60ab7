import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { readEnv } from '../../src/config/env.js';
import { connectionOptions, openDataSource, withoutTimeouts } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { ADMIN, JWT_SECRET, newCustomer, startService, type TestService } from '../support/service.js';

/** Defaults that change what statements mean, and of which a session can change all but the last ones. */
const HOSTILE = [
  '--default-time-zone=+05:30',
  '--character-set-server=latin1',
  '--collation-server=latin1_german2_ci',
  '--skip-character-set-client-handshake',
  '--autocommit=0',
  '--completion-type=CHAIN',
  '--transaction-isolation=SERIALIZABLE',
  '--transaction-read-only',
  '--default-storage-engine=MyISAM',
  '--max-statement-time=0.001',
  '--sql-safe-updates=1',
  '--max-join-size=1',
  // these need a privilege, or a restart: the service must not depend on them
  '--explicit-defaults-for-timestamp=OFF',
  '--innodb-strict-mode=OFF',
  '--innodb-force-primary-key=1',
  '--lower-case-table-names=1',
];
const GLOBALS = ['sql_auto_is_null = 1', 'unique_checks = 0', 'foreign_key_checks = 0', 'sql_select_limit = 1'];
const MODES = [
  'NO_BACKSLASH_ESCAPES',
  'ANSI_QUOTES',
  'PIPES_AS_CONCAT',
  'ORACLE',
  'NO_ZERO_DATE,IGNORE_SPACE',
  '',
  // the default of MySQL 5.7
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION',
];
const QUOTED = `zq' or 1=1 #`;
const INJECTIONS = [QUOTED, `zq\\' or 1=1 -- `, `zq" or 1=1 #`, `zq\\" or 1=1 #`, `zq'||sleep(9)||'`];

const declare = hasMariadb() ? describe : describe.skip;

declare('a server with other defaults', () => {
  let server: Mariadb;
  let connection: Connection;
  let count = 0;
  beforeAll(async () => {
    server = await startMariadb(HOSTILE);
    connection = await mysql.createConnection(server.uri);
    await connection
      .query('SET SESSION max_statement_time = 0, autocommit = 1, sql_big_selects = 1, transaction_read_only = 0')
      .catch(() =>
        // until MariaDB 11.1
        connection.query('SET SESSION max_statement_time = 0, autocommit = 1, sql_big_selects = 1, tx_read_only = 0'),
      );
  });
  afterAll(async () => {
    await connection.end();
    await server.remove();
  });

  const select = async (sql: string): Promise<RowDataPacket[]> => (await connection.query<RowDataPacket[]>(sql))[0];

  describe.each(MODES)('such as sql_mode = "%s"', (mode) => {
    let service: TestService;
    beforeAll(async () => {
      for (const setting of [...GLOBALS, `sql_mode = '${mode}'`]) await connection.query(`SET GLOBAL ${setting}`);
      await connection.query(`SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON`);
      await connection.query('TRUNCATE mysql.general_log');
      // by this connection, as others are read-only by default
      const name = `crm_${++count}`;
      await connection.query(`CREATE DATABASE ${name}`);
      const database = { uri: `${server.uri}/${name}`, drop: () => Promise.resolve() };
      service = await startService('MariaDB', { beside: { database } as TestService });
    });
    afterAll(async () => {
      await service.close();
      await connection.query('SET GLOBAL general_log = OFF');
    });

    it('has no effect on the sessions of any pool', async () => {
      const env = readEnv({ DATABASE_URI: service.database.uri, JWT_SECRET });
      const options = await connectionOptions(env, entities);
      for (const [pool, timeout] of [
        [options, 1.5],
        [withoutTimeouts(options), 0],
      ] as const) {
        const dataSource = await openDataSource(pool);
        const [session] = await dataSource.query<Array<Record<string, unknown>>>(
          `SELECT @@sql_mode AS mode, @@time_zone AS zone, @@autocommit AS autocommit, @@tx_isolation AS isolation,
              @@tx_read_only AS readOnly, @@completion_type AS completion, @@character_set_client AS client,
              @@character_set_results AS results, @@collation_connection AS collation,
              @@sql_auto_is_null + @@sql_safe_updates AS off, @@unique_checks + @@foreign_key_checks AS checks,
              @@default_storage_engine AS engine, @@max_statement_time AS timeout, @@sql_select_limit > 1000000 AS allRows`,
        );
        await dataSource.destroy();
        // the driver returns most numbers as text
        const text = Object.fromEntries(Object.entries(session!).map(([name, value]) => [name, String(value)]));
        expect({ ...text, timeout: Number(text.timeout) }).toEqual({
          mode: 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
          zone: '+00:00',
          autocommit: '1',
          isolation: 'READ-COMMITTED',
          readOnly: '0',
          completion: 'NO_CHAIN',
          client: 'utf8mb4',
          results: 'utf8mb4',
          collation: 'utf8mb4_unicode_ci',
          off: '0',
          checks: '2',
          allRows: '1',
          engine: 'InnoDB',
          timeout,
        });
      }
    });

    it('has no effect on the schema, nor has a name in another case', async () => {
      const uri = new URL(service.database.uri!);
      uri.pathname = uri.pathname.toUpperCase();
      const options = await connectionOptions(readEnv({ DATABASE_URI: uri.toString(), JWT_SECRET }), entities);
      const dataSource = await openDataSource(options);
      const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
      await dataSource.destroy();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
    });

    it('keeps rows, their times and all characters', async () => {
      const names = { name: `O'Brien \\ "Zoë" || 🙂`, surname: '吴' };
      const { status, body } = await service.admin.post('/customers', newCustomer(names));
      expect(status).toBe(201);
      expect(body).toMatchObject(names);
      expect(Math.abs(new Date(body.createdAt).getTime() - Date.now())).toBeLessThan(300_000);
      expect((await service.admin.patch(`/customers/${body.id}`, { company: `zq'\\` })).body.company).toBe(`zq'\\`);
      const { body: history } = await service.admin.get(`/customers/${body.id}/history`);
      expect(history.data).toMatchObject([{ changes: { company: [null, `zq'\\`] } }, { action: 'created' }]);
      // another connection sees the commit
      const other = await mysql.createConnection(service.database.uri!);
      await other.query('SET NAMES utf8mb4');
      const [[row]] = await other.query<RowDataPacket[]>(`SELECT name FROM customers WHERE id = ${body.id}`);
      await other.end();
      expect(row!.name).toBe(names.name);
    });

    it.each(INJECTIONS)('compares %s as text', async (text) => {
      await service.admin.post('/customers', newCustomer());
      for (const path of ['/customers', '/customers?deleted=true', '/users']) {
        const query = `${path.includes('?') ? '&' : '?'}email=${encodeURIComponent(text)}&count=true`;
        const { status, body } = await service.admin.get(path + query);
        expect({ status, data: body.data }).toEqual({ status: 200, data: [] });
      }
      const { status, body } = await service.anonymous.post('/login', { email: text, password: text });
      expect([status, body.code]).toEqual([401, 'invalid_credentials']);
      expect((await service.anonymous.post('/login/refresh', { refreshToken: text })).status).toBe(401);
      const reset = { token: text, newPassword: 'battery staple' };
      expect((await service.anonymous.post('/login/password', reset)).status).toBe(400);
      const key = { headers: { 'idempotency-key': text } };
      const customer = newCustomer({ name: text.trim() });
      const created = await service.admin.post('/customers', customer, key);
      expect(created).toMatchObject({ status: 201, body: { name: text.trim() } });
      expect((await service.admin.post('/customers', customer, key)).body.id).toBe(created.body.id);
    });

    it('signs in and refreshes, and removes and restores users and sessions', async () => {
      const client = await service.anonymous.signIn(ADMIN.email, ADMIN.password);
      expect((await client.post('/login/refresh', { refreshToken: client.refreshToken })).status).toBe(200);
      expect((await client.get('/me/sessions?limit=2')).body.data.length).toBe(2);
      const user = await service.user({ email: `o'brien.${mode.length}@example.com` });
      await service.anonymous.signIn(user.email, user.password);
      expect((await client.delete(`/users/${user.id}`)).status).toBe(204);
      expect((await client.post(`/users/${user.id}/restore`)).status).toBe(200);
      expect((await client.get('/users?limit=200')).body.data.length).toBe(2);
    });

    it('gets values only as parameters of prepared statements', async () => {
      await service.admin.post('/customers', newCustomer({ name: `marker-${QUOTED}` }));
      const log = (type: string): Promise<RowDataPacket[]> =>
        select(
          `SELECT argument FROM mysql.general_log WHERE command_type = '${type}' AND thread_id <> CONNECTION_ID()
            AND argument REGEXP 'zq|marker|o.brien'`,
        );
      expect((await log('Execute')).length).toBeGreaterThan(0);
      expect(await log('Query')).toEqual([]);
    });
  });

  it('is refused if it does not accept the settings, rather than used without them', async () => {
    const uri = new URL(server.uri);
    uri.pathname = '/mysql';
    const options = await connectionOptions(readEnv({ DATABASE_URI: uri.toString(), JWT_SECRET }), entities);
    // a setting of MySQL only
    const { driver } = options as unknown as { driver: { dialect: string } };
    driver.dialect = 'mysql';
    const dataSource = await openDataSource(options).catch((error: unknown) => error as Error);
    expect(dataSource).toBeInstanceOf(Error);
    expect((dataSource as Error).message).toMatch(/max_execution_time/);
  });
});
