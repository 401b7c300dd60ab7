import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { Client } from '../support/client.js';
import { runCommand } from '../support/command.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, startService, type TestService } from '../support/service.js';

const PAGE = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
/** The commands of the page that contain a text, with those that continue on the next line. */
const commandWith = (text: string): string => {
  const found = PAGE.split(/(?<!\\)\n/).find((line) => line.startsWith('    ') && line.includes(text));
  if (!found) throw new Error(`docs/operations.md has no command with ${text}`);
  return found;
};
const NO_DROP = { drop: () => Promise.resolve() };

const hasProgram = (name: string): boolean => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Runs commands of the page as an operator does, in a shell. */
const run = (command: string, cwd: string): string =>
  execFileSync('bash', ['--norc', '-ec', command], { cwd, env: { PATH: process.env.PATH, HOME: cwd } }).toString();

/** Meanwhile requests are sent. */
const runAsync = (command: string, cwd: string): Promise<unknown> =>
  promisify(execFile)('bash', ['--norc', '-ec', command], { cwd, env: { PATH: process.env.PATH, HOME: cwd } });

const emails = async (admin: Client): Promise<string[]> =>
  (await admin.get('/customers?sort=id&limit=200')).body.data.map(({ email }: any) => email as string);

const cursorOf = async (service: TestService): Promise<string> =>
  (await service.admin.get('/customers/changes?after=now')).body.page.next as string;

const declareMariadb = hasMariadb() ? describe : describe.skip;
declareMariadb('a backup of MariaDB as docs/operations.md describes it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-backups-'));
  const servers: Mariadb[] = [];
  const services: TestService[] = [];
  afterAll(async () => {
    for (const service of services) await service.close();
    for (const server of servers) await server.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  /** The server that clients reach without options. */
  async function newServer(options: string[]): Promise<Mariadb> {
    const server = await startMariadb(options);
    servers.push(server);
    const { port } = new URL(server.uri);
    writeFileSync(join(directory, '.my.cnf'), `[client]\nhost=127.0.0.1\nport=${port}\nuser=root\n`);
    return server;
  }
  async function serve({ uri }: Mariadb): Promise<TestService> {
    const database = { uri: `${uri}/crm`, ...NO_DROP };
    const service = await startService('MariaDB', { beside: { database, dataDir: directory } as TestService });
    services.push(service);
    return service;
  }
  const create = async (service: TestService, overrides = {}): Promise<any> =>
    (await service.admin.post('/customers', newCustomer(overrides))).body;

  it('restores the time of the dump, and any second after it from the binary log', async () => {
    const server = await newServer(['--log-bin=binlog', '--server-id=1']);
    run(`mariadb -e 'CREATE DATABASE crm CHARACTER SET utf8mb4'`, directory);
    const service = await serve(server);
    const { id } = await create(service, { name: `O'Brien \\ "Zoë" 🙂`, company: 'Before' });
    await create(service);
    await service.admin.delete(`/customers/${id}`);
    const dumped = await emails(service.admin);

    run(commandWith('mariadb-dump'), directory);
    expect(run(commandWith('Dump completed'), directory)).toMatch(/^-- Dump completed/);
    await service.admin.post(`/customers/${id}/restore`);
    await create(service);
    run(`mariadb -e 'FLUSH BINARY LOGS'`, directory);
    await service.admin.patch(`/customers/${id}`, { company: 'After' });
    const [kept, cursor] = [await emails(service.admin), await cursorOf(service)];
    // the options of the program have seconds
    await sleep(2_000);
    const stop = new Date().toISOString().slice(0, 19).replace('T', ' ');
    await sleep(2_000);
    await service.admin.delete(`/customers/${id}`);
    const lostCursor = await cursorOf(service);
    const [[binlog]] = await (
      await mysql.createConnection(server.uri)
    ).query<RowDataPacket[]>('SELECT @@log_bin_basename AS path');
    const files = dirname(binlog!.path as string);

    const restored = await newServer([]);
    run(commandWith('CREATE DATABASE crm').replace('mysql', 'mariadb'), directory);
    run(commandWith('gunzip -c crm.sql.gz | mysql').replace('mysql', 'mariadb'), directory);
    const variables = { DATABASE_URI: `${restored.uri}/crm`, JWT_SECRET };
    expect(await runCommand(directory, ['migrate', 'check'], variables)).toMatchObject({ code: 0 });
    const found = run(commandWith('CHANGE'), directory);
    const [, file, position] = /='([^']+)'.*=(\d+);/.exec(found)!;
    expect(basename(file!)).toMatch(/^binlog\.0/);
    const again = await serve(restored);
    expect(await emails(again.admin)).toEqual(dumped);

    const replay = commandWith('mysqlbinlog')
      .replace('mysqlbinlog', 'mariadb-binlog')
      .replace('| mysql', '| mariadb')
      .replace('<position>', position!)
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, stop)
      .replace('<file> <newer files>', `${files}/${file} ${files}/binlog.000002`);
    run(replay, directory);
    expect(await runCommand(directory, ['migrate', 'check'], variables)).toMatchObject({ code: 0 });
    expect(await emails(again.admin)).toEqual(kept);
    const { body } = await again.admin.get(`/customers/${id}`);
    expect(body).toMatchObject({ name: `O'Brien \\ "Zoë" 🙂`, company: 'After', version: 4 });
    // readers of the changes feed continue, unless they have read what is gone
    const read = await again.admin.get(`/customers/changes?after=${cursor}`);
    expect([read.status, read.body.data]).toEqual([200, []]);
    expect((await again.admin.get(`/customers/changes?after=${lostCursor}`)).status).toBe(400);
  }, 240_000);
});

const declareSqlite = hasProgram('sqlite3') ? describe : describe.skip;
declareSqlite('a backup of the embedded database as docs/operations.md describes it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-backups-'));
  const dataDir = join(directory, '.data');
  let program: Program;
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  async function serve(): Promise<Client> {
    const admin = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };
    program = startProgram({ PORT: '0', DATA_DIR: dataDir, ...admin }, directory);
    return new Client(await program.address(), API).signIn(ADMIN.email, ADMIN.password);
  }

  it('is made while the service runs, and restored', async () => {
    const admin = await serve();
    for (let n = 0; n < 20; n++) await admin.post('/customers', newCustomer());
    // writes go on while the backup is made
    const writes = Array.from({ length: 20 }, () => admin.post('/customers', newCustomer()));
    await runAsync(commandWith('.backup'), directory);
    expect(run(commandWith('integrity_check'), directory)).toBe('ok\n');
    await Promise.all(writes);
    const all = await emails(admin);
    await program.stop('SIGTERM');
    run(commandWith('crm.sqlite-wal'), directory);
    const restored = await serve();
    const found = await emails(restored);
    expect(found.length).toBeGreaterThanOrEqual(20);
    expect(all.slice(0, found.length)).toEqual(found);
    expect((await restored.post('/customers', newCustomer())).status).toBe(201);
  }, 120_000);
});
