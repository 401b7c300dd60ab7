import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import { createService } from '../../src/app.setup.js';
import { readEnv } from '../../src/config/env.js';
import { connectionOptions, openDataSource } from '../../src/database/data-source.js';
import { migrationState } from '../../src/database/migration-state.js';
import { entities } from '../../src/entities.js';
import { COMMAND, type CommandResult, runCommand, runOnTerminal, TERMINAL } from '../support/command.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { JWT_SECRET } from '../support/service.js';

const NAMES = migrations.map(({ name }) => name);
const PASSWORD = 'correct horse battery';

const linesOf = ({ stdout }: CommandResult): string[] => stdout.trim().split('\n');

describe('the command line', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-cli-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('prints help with examples and exit codes', async () => {
    const [help, adminHelp, none, unknown] = await Promise.all([
      runCommand(directory, ['--help']),
      runCommand(directory, ['admin', 'create', '--help']),
      runCommand(directory, []),
      runCommand(directory, ['migrate', 'sideways']),
    ]);
    for (const { code, stdout } of [help, adminHelp]) {
      expect(code).toBe(0);
      expect(stdout).toMatch(/Exit codes:(\n +\d+ .*){4}/);
    }
    for (const name of ['admin', 'migrate', 'photos', 'doctor'])
      expect(help.stdout).toMatch(new RegExp(`^ +${name} `, 'm'));
    expect(adminHelp.stdout).toMatch(/Examples:\n +npm run crm -- admin create/);
    expect([none.code, unknown.code]).toEqual([2, 2]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('exits with 78 on an invalid configuration and prints no value', async () => {
    const wrong = { PORT: 'zq-port', DATABASE_URI: 'mysql://zq-user:zq-password@zq-host/zq' };
    for (const args of [['migrate'], ['doctor']]) {
      const { code, stdout, stderr } = await runCommand(directory, args, wrong);
      expect(code).toBe(78);
      expect(stdout + stderr).toMatch(/PORT must be[^]*JWT_SECRET is required/);
      expect(stdout + stderr).not.toMatch(/zq|^\s+at /m);
    }
  });

  it('goes on silently when the reader of its output has ended', () => {
    const pipe = ['--norc', '-c', '"$@" | true', 'bash', process.execPath, COMMAND, 'doctor'];
    const env = { PATH: process.env.PATH, DATA_DIR: join(directory, 'data') };
    expect(spawnSync('bash', pipe, { cwd: directory, env }).stderr.toString()).toBe('');
  });
});

onEveryDatabase((kind) => {
  describe('the command line', () => {
    let database: TestDatabase;
    let directory: string;
    let env: Record<string, string>;
    let dataSource: DataSource;
    beforeAll(async () => {
      database = await createDatabase(kind);
      directory = mkdtempSync(join(tmpdir(), 'crm-cli-'));
      env = { DATA_DIR: directory, ...(database.uri && { DATABASE_URI: database.uri, JWT_SECRET }) };
      dataSource = await openDataSource(await connectionOptions(readEnv(env), entities));
    });
    afterAll(async () => {
      await dataSource.destroy();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    });

    const crm = (...args: string[]): Promise<CommandResult> => runCommand(directory, args, env);
    const adminsOf = (): Promise<unknown[]> =>
      dataSource.query('SELECT email, name, surname FROM users WHERE admin = 1 ORDER BY id');

    it('changes nothing in a database with pending migrations', async () => {
      const [create, doctor] = await Promise.all([
        crm('admin', 'create', 'carla@example.com', '--invite'),
        crm('doctor'),
      ]);
      expect(create).toMatchObject({ code: 1, stderr: expect.stringContaining('First run: npm run crm -- migrate') });
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toMatch(
        /FAILED +migrations +\d+ pending migrations\n +Fix: npm run crm -- migrate\n- +admin/,
      );
      const runner = dataSource.createQueryRunner();
      expect(await runner.hasTable('migrations')).toBe(false);
      await runner.release();
    });

    it('applies each migration once when two commands run at the same time', async () => {
      const both = await Promise.all([crm('migrate'), crm('migrate', 'up')]);
      expect(both.map(({ code }) => code)).toEqual([0, 0]);
      const expected = [...NAMES.map((name) => `Applied ${name}`), 'No migrations are pending.'];
      expect(both.flatMap(linesOf).sort()).toEqual(expected.sort());
      expect(await crm('migrate', 'check')).toMatchObject({
        code: 0,
        stdout: 'The schema matches the code.\n',
      });
    });

    it('prints how the schema differs from the code', async () => {
      await dataSource.query('CREATE INDEX ix_customers_by_hand ON customers (phone)');
      const drift = await crm('migrate', 'check');
      expect(drift.code).toBe(1);
      expect(drift.stdout).toMatch(/DROP INDEX .*ix_customers_by_hand/);
      await dataSource.query(`DROP INDEX ix_customers_by_hand${kind === 'SQLite' ? '' : ' ON customers'}`);
    });

    if (kind !== 'SQLite')
      it('finds no difference in a database that was restored under another name', async () => {
        await dataSource.query("UPDATE typeorm_metadata SET `schema` = 'its_name_before'");
        expect((await crm('migrate')).stdout).toBe('No migrations are pending.\n');
        expect(await crm('migrate', 'check')).toMatchObject({ code: 0 });
      });

    it('rolls back the last migration', async () => {
      const last = NAMES.at(-1)!;
      expect(await crm('migrate', 'down')).toEqual({ code: 0, stdout: `Rolled back ${last}\n`, stderr: '' });
      expect((await dataSource.runMigrations()).map(({ name }) => name)).toEqual([last]);
    });

    it('creates admins with a password, or with an invitation that is printed once', async () => {
      const carla = runCommand(
        directory,
        ['admin', 'create', 'Carla@Example.com', '--name', 'Carla'],
        env,
        `${PASSWORD}\n`,
      );
      expect(await carla).toEqual({ code: 0, stdout: 'Created admin carla@example.com (user 1).\n', stderr: '' });
      const ben = await crm('admin', 'create', 'ben@example.com', '--surname', 'Müller', '--invite');
      expect(ben.code).toBe(0);
      const token = /Invitation: (\S{43})\nExpires at: \d{4}-\S+Z\n/.exec(ben.stdout)?.[1];
      expect(await adminsOf()).toEqual([
        { email: 'carla@example.com', name: 'Carla', surname: 'Admin' },
        { email: 'ben@example.com', name: 'New', surname: 'Müller' },
      ]);
      expect(await dataSource.query('SELECT action, changed_by FROM history')).toEqual([
        { action: 'created', changed_by: null },
        { action: 'created', changed_by: null },
      ]);

      const { app } = await createService(readEnv({ ...env, NODE_ENV: 'test', LOG_LEVEL: 'error' }));
      const post = (url: string, payload: object): Promise<{ statusCode: number }> =>
        app.inject({ method: 'POST', url, payload });
      try {
        expect((await post('/login', { email: 'carla@example.com', password: PASSWORD })).statusCode).toBe(200);
        expect((await post('/login/password', { token, newPassword: PASSWORD })).statusCode).toBe(204);
        expect((await post('/login', { email: 'ben@example.com', password: PASSWORD })).statusCode).toBe(200);
      } finally {
        await app.close();
      }
      // the service found an admin at start and created no other
      expect(await adminsOf()).toHaveLength(2);
    });

    it('promotes a user only with --promote', async () => {
      await dataSource.query('UPDATE users SET admin = 0 WHERE id = 2');
      const refused = await crm('admin', 'create', 'BEN@example.com', '--invite');
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/User 2.*--promote/) });
      expect(await adminsOf()).toHaveLength(1);
      const promoted = await crm('admin', 'create', 'BEN@example.com', '--promote');
      expect(promoted).toMatchObject({
        code: 0,
        stdout: 'Promoted ben@example.com to admin (user 2). The password is unchanged.\n',
      });
      expect(await adminsOf()).toHaveLength(2);
    });

    it('issues a reset for an admin who cannot sign in, and for nobody else', async () => {
      await dataSource.query('UPDATE users SET password_hash = NULL WHERE id = 1');
      const reset = await crm('admin', 'reset', 'Carla@Example.com');
      expect(reset).toMatchObject({ code: 0, stderr: '' });
      const token = /Reset: (\S{43})\nExpires at: \d{4}-\S+Z\n/.exec(reset.stdout)?.[1];
      await dataSource.query('UPDATE users SET admin = 0 WHERE id = 2');
      const [user, unknown] = await Promise.all([
        crm('admin', 'reset', 'ben@example.com'),
        crm('admin', 'reset', 'nobody@example.com'),
      ]);
      expect(user).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--promote') });
      expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--invite') });
      expect(await dataSource.query('SELECT id FROM users WHERE password_token_hash IS NOT NULL')).toEqual([{ id: 1 }]);
      await dataSource.query('UPDATE users SET admin = 1 WHERE id = 2');

      const { app } = await createService(readEnv({ ...env, NODE_ENV: 'test', LOG_LEVEL: 'error' }));
      const post = (url: string, payload: object): Promise<{ statusCode: number }> =>
        app.inject({ method: 'POST', url, payload });
      const newPassword = 'another horse battery';
      try {
        expect((await post('/login/password', { token, newPassword })).statusCode).toBe(204);
        expect((await post('/login', { email: 'carla@example.com', password: newPassword })).statusCode).toBe(200);
      } finally {
        await app.close();
      }
    });

    it('removes photos that no customer refers to, unless they are new', async () => {
      const photos = join(directory, 'photos');
      mkdirSync(photos, { recursive: true });
      const file = (letter: string): string => join(photos, `${letter.repeat(32)}-${letter.repeat(32)}.webp`);
      for (const letter of ['a', 'b']) writeFileSync(file(letter), 'photo');
      const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000);
      utimesSync(file('a'), yesterday, yesterday);
      expect(await crm('photos', 'sweep')).toEqual({ code: 0, stdout: 'Removed 1 of 2 objects.\n', stderr: '' });
      expect([existsSync(file('a')), existsSync(file('b'))]).toEqual([false, true]);
    });

    it('reports no problem in a complete set-up', async () => {
      const { code, stdout, stderr } = await crm('doctor');
      expect(stderr).toBe('');
      expect(stdout).toMatch(
        /^ok +configuration .*\nok +database +(SQLite 3|MariaDB \d|MySQL \d).*\nok +migrations .*\nok +admin +2 admins\nok +photos /,
      );
      expect(stdout).toMatch(/^- +google +not configured/m);
      expect(code).toBe(0);
    });
  });
});

describe('the command line on the embedded database', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-cli-'));
  const env = { DATA_DIR: directory };
  const crm = (...args: string[]): Promise<CommandResult> => runCommand(directory, args, env);
  let dataSource: DataSource;
  beforeAll(async () => {
    dataSource = await openDataSource(await connectionOptions(readEnv(env), entities));
  });
  afterAll(async () => {
    await dataSource.destroy();
    rmSync(directory, { recursive: true, force: true });
  });

  it('lists pending migrations, applied ones, and those of a newer version', async () => {
    const pending = await crm('migrate', 'check');
    expect(pending).toMatchObject({ code: 1, stdout: `Pending: ${NAMES.join(', ')}\n` });
    await dataSource.runMigrations();
    await dataSource.undoLastMigration();
    await dataSource.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'Future9999999999999')`);
    const [status, down] = await Promise.all([crm('migrate', 'status'), crm('migrate', 'down')]);
    expect(status.code).toBe(0);
    expect(linesOf(status)).toEqual([
      ...NAMES.slice(0, -1).map((name) => `applied  ${name}`),
      expect.stringMatching(/^newer {4}Future/),
      `pending  ${NAMES.at(-1)}`,
    ]);
    expect(down).toMatchObject({ code: 1, stderr: expect.stringContaining('Future9999999999999') });
    await dataSource.query(`DELETE FROM migrations WHERE name LIKE 'Future%'`);
  });

  it('rolls back the first migration only with --delete-everything', async () => {
    while ((await migrationState(dataSource)).applied.length > 1) await dataSource.undoLastMigration();
    expect(await crm('migrate', 'down')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--delete-everything'),
    });
    expect(await dataSource.query('SELECT * FROM customers')).toEqual([]);
    expect((await crm('migrate', 'down', '--delete-everything')).code).toBe(0);
    expect(await dataSource.query(`SELECT name FROM sqlite_master WHERE name = 'customers'`)).toEqual([]);
    await dataSource.runMigrations();
  });

  it('refuses what the API would refuse and creates no user', async () => {
    const [address, short, none] = await Promise.all([
      crm('admin', 'create', 'nobody', '--invite'),
      runCommand(directory, ['admin', 'create', 'dora@example.com'], env, 'short\n'),
      crm('admin', 'create', 'dora@example.com'),
    ]);
    expect(address).toEqual({ code: 2, stdout: '', stderr: 'email: Must be an e-mail address.\n' });
    expect(short).toEqual({ code: 2, stdout: '', stderr: 'password: Must have at least 8 characters.\n' });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('--invite') });
    expect(await dataSource.query('SELECT * FROM users')).toEqual([]);
  });

  (existsSync(TERMINAL) ? it : it.skip).each([
    ['refuses two passwords that differ', 'another horse battery\r', 2, /do not match/],
    ['exits on Ctrl-C', '\u0003', 130, /Repeat password: \s*$/],
    [
      'accepts a password that is typed twice',
      'correct horse battery\r',
      0,
      /Repeat password: \s*Created admin dora@example.com/,
    ],
  ])('on a terminal, it %s and never echoes a password', async (_, second, exitCode, expected) => {
    const { code, stdout } = await runOnTerminal(directory, ['admin', 'create', 'dora@example.com'], env, [
      ['Password: ', 'correct horse battery\r'],
      ['Repeat password: ', second],
    ]);
    expect(stdout).toMatch(expected);
    expect(stdout).not.toContain('horse');
    expect(code).toBe(exitCode);
  });
});
