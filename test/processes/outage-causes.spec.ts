import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { BucketStandIn } from '../stand-ins/bucket.js';
import { Client } from '../support/client.js';
import { kinds } from '../support/databases.js';
import { anotherJpeg } from '../support/images.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { API } from '../support/openapi.js';
import { type LogLine, type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, newUser } from '../support/service.js';

const PASSWORD = 'zq-database-password';

const describeOnServer = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
describeOnServer('the log of an outage', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-causes-'));
  let mariadb: Mariadb;
  let bucket: BucketStandIn;
  let program: Program;
  let admin: Client;
  let root: mysql.Connection;

  beforeAll(async () => {
    [mariadb, bucket] = await Promise.all([startMariadb(), BucketStandIn.start()]);
    root = await mysql.createConnection(mariadb.uri);
    await root.query('CREATE DATABASE crm');
    await root.query(`CREATE USER crm IDENTIFIED BY '${PASSWORD}'`);
    await root.query('GRANT ALL ON crm.* TO crm');
    const { port } = new URL(mariadb.uri);
    program = startProgram(
      {
        NODE_ENV: 'production',
        WEB_CONCURRENCY: '1',
        PORT: '0',
        DRAIN_SECONDS: '0',
        DATA_DIR: directory,
        DATABASE_URI: `mysql://crm:${PASSWORD}@127.0.0.1:${port}/crm`,
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        ...bucket.env,
      },
      directory,
    );
    const anonymous = new Client(await program.address(), API);
    admin = await anonymous.signIn(ADMIN.email, ADMIN.password);
  });
  afterAll(async () => {
    stopPrograms();
    await program.exit;
    root.destroy();
    await Promise.all([mariadb.remove(), bucket.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const linesOf = (logger: string): LogLine[] => program.lines().filter((line) => line.logger === logger);
  const outage = (driverCode: string): LogLine[] =>
    linesOf('Database').filter((line) => line.driverCode === driverCode);

  it('names the statement that the database aborts', async () => {
    await root.query('LOCK TABLES crm.customers WRITE');
    expect((await admin.get('/customers')).status).toBe(503);
    await root.query('UNLOCK TABLES');
    const line = await until(() => linesOf('Database').find(({ statement }) => statement));
    expect(line).toMatchObject({ severity: 'ERROR', errno: 1969, fix: expect.stringContaining('PROCESSLIST') });
    expect(line.statement).toMatch(/^SELECT .* FROM customers /);
  });

  it('responds 503 to a request whose statement an administrator kills', async () => {
    await root.query('LOCK TABLES crm.customers WRITE');
    // on a slow machine the statement may time out first
    const line = await until(async () => {
      const pending = admin.get('/customers');
      await until(async () => {
        const [[waiting]] = await root.query<mysql.RowDataPacket[]>(
          `SELECT id FROM information_schema.processlist WHERE user = 'crm' AND info LIKE 'SELECT%FROM customers%' LIMIT 1`,
        );
        return waiting ? root.query(`KILL QUERY ${waiting.id}`) : isSettled(pending);
      });
      expect((await pending).status).toBe(503);
      return linesOf('Database').find(({ errno }) => errno === 1317);
    });
    await root.query('UNLOCK TABLES');
    expect(line).toMatchObject({ severity: 'ERROR', fix: expect.any(String) });
  });

  it('names why no statement can be prepared', async () => {
    await root.query('SET GLOBAL max_prepared_stmt_count = 0');
    // a statement that no connection has prepared yet
    expect((await admin.get('/users?surname=Admin&name=First&sort=surname')).status).toBe(503);
    await root.query('SET GLOBAL max_prepared_stmt_count = 16382');
    const line = await until(() => linesOf('Database').find(({ errno }) => errno === 1461));
    expect(line.fix).toContain('max_prepared_stmt_count');
  });

  it('responds 503 to writes while the server is read-only, and leaves its connections', async () => {
    const { body } = await admin.post('/customers', newCustomer());
    const connectionsOf = async (): Promise<number[]> => {
      const [rows] = await root.query<mysql.RowDataPacket[]>(
        `SELECT id FROM information_schema.processlist WHERE user = 'crm' ORDER BY id`,
      );
      return rows.map(({ id }) => Number(id));
    };
    await root.query('SET GLOBAL read_only = ON');
    // in a transaction: mysql2 itself leaves connections on which a single statement fails so
    const before = await connectionsOf();
    expect((await admin.patch(`/customers/${body.id}`, { name: 'Second' })).status).toBe(503);
    await until(async () => {
      const ids = await connectionsOf();
      return before.some((id) => !ids.includes(id));
    });
    for (const send of [
      () => admin.post('/customers', newCustomer()),
      () => admin.delete(`/customers/${body.id}`),
      () => admin.post('/users', newUser()),
      () => admin.as().post('/login', ADMIN),
      () => admin.put('/me/password', { currentPassword: ADMIN.password, newPassword: `${ADMIN.password}!` }),
    ]) {
      const { status, body: problem } = await send();
      expect([status, problem.code]).toEqual([503, 'database_unavailable']);
    }
    expect((await admin.get(`/customers/${body.id}`)).body).toEqual(body);
    const line = await until(() => linesOf('Database').find(({ errno }) => errno === 1290));
    expect(line).toMatchObject({ severity: 'ERROR', fix: expect.stringContaining('primary') });
    await root.query('SET GLOBAL read_only = OFF');
    expect((await admin.patch(`/customers/${body.id}`, { name: 'Second' })).status).toBe(200);
  });

  it('names a bucket that does not answer once, however many uploads fail', async () => {
    const { body } = await admin.post('/customers', newCustomer());
    const photo = await anotherJpeg();
    const headers = { 'content-type': 'image/jpeg' };
    bucket.fail('put', { status: 403 });
    for (let n = 0; n < 3; n++)
      expect((await admin.put(`/customers/${body.id}/photo`, photo, { headers })).status).toBe(503);
    await until(() => linesOf('Storage').length > 0);
    await sleep(200);
    expect(linesOf('Storage')).toEqual([
      expect.objectContaining({
        message: 'storage_forbidden',
        operation: 'put',
        permission: 'storage.objects.create',
        fix: expect.stringContaining('roles/storage.objectUser'),
      }),
    ]);
  });

  it('names database and cause once, without the password, however many requests fail', async () => {
    const { port } = new URL(mariadb.uri);
    mariadb.process().kill('SIGKILL');
    await until(async () => (await admin.get('/me')).status === 503);
    await Promise.all(Array.from({ length: 30 }, () => admin.get('/customers')));
    await until(async () => (await admin.get('/readyz')).status === 503);
    await until(() => outage('ECONNREFUSED').length > 0);
    expect(outage('ECONNREFUSED')).toEqual([
      expect.objectContaining({
        severity: 'ERROR',
        message: expect.stringMatching(/^The database is unavailable: .*ECONNREFUSED/),
        database: `crm at 127.0.0.1:${port}`,
        fix: expect.stringContaining('DATABASE_URI'),
      }),
    ]);
    expect(program.output()).not.toContain(PASSWORD);
    await mariadb.restart();
    await until(async () => (await admin.get('/me')).status === 200);
  });
});

describeOnServer('a server whose binary log has the format STATEMENT', () => {
  it('ends the start with what to do', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crm-causes-'));
    const mariadb = await startMariadb(['--log-bin=binlog', '--server-id=1', '--binlog-format=STATEMENT']);
    const root = await mysql.createConnection(mariadb.uri);
    await root.query('CREATE DATABASE crm');
    const program = startProgram(
      { PORT: '0', DATA_DIR: directory, DATABASE_URI: `${mariadb.uri}/crm`, JWT_SECRET },
      directory,
    );
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.output()).toMatch(/Could not start: The database has failed: [^]*Fix: Set binlog_format to ROW/);
    expect(program.output()).not.toMatch(/^\s+at /m);
    root.destroy();
    await mariadb.remove();
    rmSync(directory, { recursive: true, force: true });
  });
});

const isSettled = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), Promise.resolve(false)]);
