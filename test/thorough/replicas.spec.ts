import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { Customer } from '../../client/src/index.js';
import { DatabaseChecks } from '../../src/cli/checks/database.js';
import { readEnv } from '../../src/config/env.js';
import { Replicas } from '../../src/database/replicas.js';
import { linesOf } from '../support/client.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { ListFixture, newRow } from '../support/list-fixture.js';
import { freePort, hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { until } from '../support/program.js';
import { JWT_SECRET, newCustomer, startService, type TestService } from '../support/service.js';

const PASSWORD = 'zq-password';
const MARKED = 'marked@example.com';
/** The surname that every customer has on the replica only. */
const ON_REPLICA = 'On the replica';

interface LogLine {
  severity: string;
  message: string;
  fix?: string;
}

/** A service whose exports are fit to show where they were read. */
class Reader {
  readonly lines: string[] = [];
  service!: TestService;

  async start(uris: string[], options: Parameters<typeof startService>[1]): Promise<this> {
    const env = { LOG_LEVEL: 'info', DATABASE_REPLICA_URIS: uris.join(',') };
    this.service = await startService('MariaDB', { ...options, env, log: (line) => this.lines.push(line) });
    this.pause = 300;
    return this;
  }

  set pause(ms: number) {
    this.service.app.get(Replicas).pauseMs = ms;
  }

  async export(filter = ''): Promise<Customer[]> {
    const { status, body } = await this.service.admin.get(`/customers/export?format=ndjson${filter}`);
    expect(status).toBe(200);
    return body as Customer[];
  }

  async usesReplica(): Promise<boolean> {
    const [customer] = await this.export(`&email=${MARKED}`);
    return isOnReplica(customer!);
  }

  /** Of the log about replicas, without the rest of the log. */
  log(): LogLine[] {
    return this.lines.map((line) => JSON.parse(line) as LogLine).filter(({ message }) => /replica/.test(message ?? ''));
  }
}

const isOnReplica = ({ surname }: Customer): boolean => surname === ON_REPLICA;

const idsOf = (customers: Customer[]): number[] => customers.map(({ id }) => id).sort((a, b) => a - b);

const describeOnServer = kinds.includes('MariaDB') && hasMariadb() ? describe : describe.skip;
describeOnServer('DATABASE_REPLICA_URIS', () => {
  let primary: Mariadb;
  let replica: Mariadb;
  let database: TestDatabase;
  let uri: string;
  let onReplica: mysql.Pool;
  let reader: Reader;
  let service: TestService;

  beforeAll(async () => {
    [primary, replica] = await Promise.all([
      // of a changed row only the changed values, so that the replica keeps its own surnames
      startMariadb(['--log-bin=binlog', '--server-id=1', '--binlog-format=ROW', '--binlog-row-image=MINIMAL']),
      startMariadb(['--server-id=2', '--read-only=ON', '--slave-net-timeout=5']),
    ]);
    onReplica = mysql.createPool({ uri: replica.uri, multipleStatements: true });
    onReplica.on('connection', (connection) => connection.on('error', () => undefined));
    await onReplica.query(
      `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${new URL(primary.uri).port}, MASTER_USER = 'root',
        MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
    );
    await onReplica.query('START SLAVE');
    database = await createDatabase('MariaDB', undefined, primary.uri);
    uri = on(replica.uri);
    reader = await new Reader().start([uri], { database });
    service = reader.service;
    const lists = new ListFixture(service);
    await lists.insertCustomers([newRow(1, { email: MARKED }), ...Array.from({ length: 3_000 }, () => newRow(1))]);
    await applied();
    await onReplica.query(`UPDATE ${nameOf(database)}.customers SET surname = ?`, [ON_REPLICA]);
  });
  afterAll(async () => {
    await service.close();
    await onReplica.end();
    await Promise.all([primary.remove(), replica.remove()]);
  });
  beforeEach(async () => {
    await until(() => reader.usesReplica());
    reader.lines.length = 0;
  });

  const nameOf = ({ uri: target }: TestDatabase): string => new URL(target!).pathname.slice(1);
  const on = (server: string): string => `${server}/${nameOf(database)}`;
  const hostOf = (server: string): string => new URL(server).host;

  /** Waits until the replica has everything. */
  async function applied(): Promise<void> {
    const [{ position }] = await service.dataSource.query('SELECT @@GLOBAL.gtid_binlog_pos AS position');
    await onReplica.query('SELECT MASTER_GTID_WAIT(?, 30)', [position]);
  }

  const create = (): Promise<Customer> => service.admin.crm.createCustomer(newCustomer());

  it('serves exports, with what was committed before the request', async () => {
    const connection = await onReplica.getConnection();
    await connection.query('FLUSH TABLES WITH READ LOCK');
    const { id } = await create();
    const exporting = reader.export();
    await sleep(200);
    await connection.query('UNLOCK TABLES');
    connection.release();
    expect(idsOf(await exporting)).toContain(id);
    await until(() => reader.usesReplica());
  });

  it('serves nothing else', async () => {
    const { id } = await create();
    await applied();
    await onReplica.query(`UPDATE ${nameOf(database)}.customers SET surname = ? WHERE id = ?`, [ON_REPLICA, id]);
    expect((await reader.export()).find((customer) => customer.id === id)?.surname).toBe(ON_REPLICA);
    const bodies = [
      (await service.admin.get(`/customers/${id}`)).body,
      (await service.admin.get('/customers')).body,
      (await service.admin.get('/customers?q=ana')).body,
      (await service.admin.get(`/customers/${id}/history`)).body,
      (await service.admin.get('/customers/changes')).body,
      (await service.admin.patch(`/customers/${id}`, { name: 'Ben' })).body,
    ];
    for (const body of bodies) {
      expect(JSON.stringify(body)).toContain('de la Cruz');
      expect(JSON.stringify(body)).not.toContain(ON_REPLICA);
    }
  });

  it('is left out while it lags, which is logged once, and is used again', async () => {
    await onReplica.query('STOP SLAVE SQL_THREAD');
    try {
      for (let n = 0; n < 3; n++) {
        const { id } = await create();
        const customers = await reader.export();
        expect(idsOf(customers)).toContain(id);
        expect(customers.some(isOnReplica)).toBe(false);
        await sleep(400);
      }
      expect(reader.log()).toEqual([
        expect.objectContaining({ severity: 'WARNING', fix: expect.stringContaining('SHOW REPLICA STATUS') }),
      ]);
      expect(reader.log()[0]!.message).toBe(`The replica ${hostOf(replica.uri)} is left out: it is behind the primary`);
      reader.pause = 3_600_000;
    } finally {
      await onReplica.query('START SLAVE SQL_THREAD');
    }
    await applied();
    // it is not asked before the pause is over
    expect(await reader.usesReplica()).toBe(false);
    reader.pause = 300;
    await until(() => reader.usesReplica());
    await reader.export();
    expect(
      reader
        .log()
        .map(({ message }) => message)
        .slice(1),
    ).toEqual([`The replica ${hostOf(replica.uri)} is used again`]);
  });

  it('is left out while it does not answer', async () => {
    const { pid } = replica.process();
    process.kill(pid!, 'SIGSTOP');
    try {
      expect(await reader.usesReplica()).toBe(false);
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    expect(reader.log().map(({ severity }) => severity)).toEqual(['WARNING']);
    expect(reader.log()[0]!.message).toMatch(/left out.*does not answer in time/);
    await until(() => reader.usesReplica());
  });

  it('may die in the middle of an export, which the client does not notice', async () => {
    const expected = (await reader.export()).length;
    // more than the buffers of a connection hold; the statements of the service have a time limit
    const unlimited = await mysql.createConnection(database.uri!);
    await unlimited.query('UPDATE customers SET notes = ?', ['ñ'.repeat(5_000)]);
    await unlimited.end();
    await applied();
    try {
      const response = await fetch(`${service.admin.url}/customers/export?format=ndjson`, {
        headers: { authorization: `Bearer ${service.admin.accessToken}` },
      });
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body!) {
        if (chunks.length === 0) replica.process().kill('SIGKILL');
        if (chunks.length < 3) await sleep(200);
        chunks.push(chunk);
      }
      const customers = linesOf(Buffer.concat(chunks).toString()) as Customer[];
      expect(new Set(idsOf(customers)).size).toBe(customers.length);
      expect(customers).toHaveLength(expected);
      expect(new Set(customers.map(isOnReplica)).size).toBe(2);
      expect(reader.log().map(({ severity }) => severity)).toEqual(['WARNING']);
      // the service has lost nothing, so nothing else is reported
      expect(reader.lines.filter((line) => line.includes('"severity":"ERROR"'))).toEqual([]);
    } finally {
      await replica.restart();
    }
    await until(() => reader.usesReplica());
  });

  /** Another service, as the loggers of two at a time would share their lines. */
  async function withReader(uris: string[], work: (other: Reader) => Promise<void>): Promise<void> {
    const other = await new Reader().start(uris, { beside: service });
    try {
      await work(other);
    } finally {
      await other.service.close();
    }
  }

  it('may be absent at start: then another one is used', async () => {
    const absent = on(`mysql://crm:${PASSWORD}@127.0.0.1:${await freePort()}`);
    await withReader([absent, uri], async (other) => {
      for (let n = 0; n < 3; n++) expect(await other.usesReplica()).toBe(true);
      const [line] = other.log();
      expect(other.log()).toHaveLength(1);
      expect(line!.message).toMatch(/left out.*ECONNREFUSED/);
      expect(line!.fix).toBe('Start the database server, or correct host and port in DATABASE_REPLICA_URIS.');
      expect(other.lines.join()).not.toContain(PASSWORD);
    });
  });

  it('may refuse to serve: then the primary is used', async () => {
    await withReader([on(replica.uri.replace('root@', `root:${PASSWORD}@`))], async (other) => {
      expect(await other.usesReplica()).toBe(false);
      const [line] = other.log();
      expect(line!.message).toMatch(/left out.*Access denied/);
      expect(line!.fix).toContain('DATABASE_REPLICA_URIS');
      expect(other.lines.join()).not.toContain(PASSWORD);
    });
  });

  it('may fail the first statement: then the primary is used, and no client notices', async () => {
    await onReplica.query(`CREATE USER limited@'%'; GRANT SELECT ON ${nameOf(database)}.users TO limited@'%'`);
    await withReader([on(replica.uri.replace('root@', 'limited@'))], async (other) => {
      for (let n = 0; n < 2; n++) expect(await other.usesReplica()).toBe(false);
      expect(other.log().map(({ message }) => message)).toEqual([
        expect.stringMatching(/left out: ER_TABLEACCESS_DENIED_ERROR$/),
      ]);
    });
  });

  it('is not used if the primary does not number its transactions', async () => {
    const unnumbered = await startMariadb();
    try {
      const own = await createDatabase('MariaDB', undefined, unnumbered.uri);
      const other = await new Reader().start([own.uri!], { database: own });
      const { id } = await other.service.admin.crm.createCustomer(newCustomer());
      expect(idsOf(await other.export())).toEqual([id]);
      expect(other.log().map(({ message, fix }) => `${message} ${fix}`)).toEqual([
        expect.stringMatching(/does not number its transactions Turn on log_bin/),
      ]);
      await other.service.close();
    } finally {
      await unnumbered.remove();
    }
  });

  it('is checked by the doctor', async () => {
    const absent = on(`mysql://crm:${PASSWORD}@127.0.0.1:${await freePort()}`);
    const check = async (uris: string[]): Promise<unknown> => {
      const env = { DATABASE_URI: database.uri, DATABASE_REPLICA_URIS: uris.join(','), JWT_SECRET };
      const checks = new DatabaseChecks(readEnv(env), service.clock);
      await checks.connect();
      const result = await checks.checkReplicas().catch((error: unknown) => error);
      await checks.close();
      return result;
    };
    await create();
    expect(await check([uri, uri])).toBe('2 up to date');
    await onReplica.query('STOP SLAVE SQL_THREAD');
    await create();
    const finding = await check([absent, uri]);
    await onReplica.query('START SLAVE SQL_THREAD');
    expect(finding).toMatchObject({
      message: expect.stringMatching(
        new RegExp(`${hostOf(absent)}: .*ECONNREFUSED.*; ${hostOf(replica.uri)}: it is behind the primary$`),
      ),
      fix: expect.stringMatching(/^Start the database server.* Look at SHOW REPLICA STATUS/),
    });
    expect((finding as Error).message).not.toContain(PASSWORD);
  });

  it('gets its connections closed with the service', async () => {
    const connections = async (): Promise<number> => {
      const [rows] = await onReplica.query('SELECT COUNT(*) AS n FROM information_schema.processlist WHERE db = ?', [
        nameOf(database),
      ]);
      return (rows as Array<{ n: number }>)[0]!.n;
    };
    let before = 0;
    await withReader([uri], async (other) => {
      expect(await other.usesReplica()).toBe(true);
      before = await connections();
    });
    await until(async () => (await connections()) < before);
  });
});
