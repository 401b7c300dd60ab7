import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import mysql from 'mysql2/promise';
import { COMMAND, runCommand } from '../support/command.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { freePort } from '../support/mariadb.js';
import { type Program, startProgram, stopPrograms, WITHOUT_PRIVILEGES } from '../support/program.js';
import { JWT_SECRET } from '../support/service.js';

/** Each test starts several processes. */
jest.setTimeout(120_000);

const STACK = /^\s+at |stack_trace|node:internal/m;

describe('a start that cannot succeed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-refused-'));
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const run = (env: Record<string, string>, launcher: string[] = []): Program =>
    startProgram({ PORT: '0', ...env }, directory, { launcher });

  async function expectRefusal(program: Program, code: number, message: RegExp): Promise<void> {
    expect(await program.exit).toEqual({ code, signal: null });
    expect(program.output()).toMatch(message);
    expect(program.output()).not.toMatch(STACK);
    expect(program.output()).not.toMatch(/First admin|Created the first admin/);
  }

  describe('because of DATA_DIR', () => {
    const file = join(directory, 'file');
    beforeAll(() => {
      writeFileSync(file, '');
      symlinkSync(join(directory, 'nowhere', 'x'), join(directory, 'dangling'));
      symlinkSync(join(directory, 'loop'), join(directory, 'loop'));
    });

    it.each([
      ['a file', file, /DATA_DIR must be a directory/],
      ['in a file', join(file, 'data'), /DATA_DIR must be a directory/],
      ['a link to a missing directory', join(directory, 'dangling'), /DATA_DIR must be a directory/],
      ['a link to itself', join(directory, 'loop'), /DATA_DIR must be a directory/],
      ['not writable', '/proc/crm', /DATA_DIR must be/],
      ['too long', join(directory, 'x'.repeat(200), 'x'.repeat(200), 'x'.repeat(100)), /DATA_DIR is too long/],
      ['with a name that is too long', join(directory, 'x'.repeat(300)), /DATA_DIR is too long/],
      ['in a home directory', '~/crm', /DATA_DIR must be a path without ~/],
    ])('that is %s: the service and commands exit with 78', async (_, DATA_DIR, message) => {
      await expectRefusal(run({ DATA_DIR }), 78, message);
      const command = await runCommand(directory, ['migrate', 'status'], { DATA_DIR });
      expect(command).toMatchObject({ code: 78, stderr: expect.stringMatching(message) });
      expect(existsSync(join(directory, '~'))).toBe(false);
    });

    it('that is read-only, or in a directory that is', async () => {
      const readOnly = join(directory, 'read-only');
      mkdirSync(readOnly, { mode: 0o500 });
      for (const DATA_DIR of [readOnly, join(readOnly, 'data')])
        await expectRefusal(run({ DATA_DIR }, WITHOUT_PRIVILEGES), 78, /DATA_DIR must be writable/);
      expect(readdirSync(readOnly)).toEqual([]);
      chmodSync(readOnly, 0o700);
    });

    it('whose files cannot be read, or are no database', async () => {
      const data = mkdtempSync(join(directory, 'files-'));
      const database = join(data, 'crm.sqlite');
      writeFileSync(database, 'no database', { mode: 0o400 });
      const message = /crm\.sqlite in DATA_DIR cannot be used: .*\nFix: Make it readable and writable/;
      for (const launcher of [WITHOUT_PRIVILEGES, []])
        await expectRefusal(run({ DATA_DIR: data, NODE_ENV: 'production', JWT_SECRET }, launcher), 1, message);
      expect(readFileSync(database, 'utf8')).toBe('no database');
    });

    it('that is full: exits with 1', async () => {
      const data = join(directory, 'full');
      const failed = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
        // a limit of 0 bytes per file fails every write, as a full disk does
        const args = ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, COMMAND, 'migrate'];
        execFile('sh', args, { cwd: directory, env: { DATA_DIR: data } }, (error, _, stderr) =>
          resolve({ code: error?.code, stderr }),
        );
      });
      expect(failed).toEqual({ code: 1, stderr: expect.stringContaining('No space is left for DATA_DIR') });
      expect(readdirSync(data)).toEqual([]);
    });
  });

  it.each(['with spaces and ünïcode', 'missing/parents/of it', './relative', "quote's"])(
    'is none in the DATA_DIR %s',
    async (DATA_DIR) => {
      const program = run({ DATA_DIR });
      expect((await fetch(`${await program.address()}/readyz`)).status).toBe(200);
      await program.stop();
    },
  );

  describe('because another process uses DATA_DIR', () => {
    const DATA_DIR = join(directory, 'shared');
    let first: Program;
    beforeAll(async () => {
      first = run({ DATA_DIR });
      await first.address();
    });

    it('says so, also through a link', async () => {
      symlinkSync(DATA_DIR, join(directory, 'link'));
      for (const path of [DATA_DIR, join(directory, 'link')])
        await expectRefusal(run({ DATA_DIR: path }), 1, /DATA_DIR is in use by another process/);
      expect((await fetch(`${await first.address()}/readyz`)).status).toBe(200);
    });

    it('does not concern operator commands, which work beside the service', async () => {
      for (const args of [['migrate'], ['migrate', 'status'], ['migrate', 'check'], ['photos', 'sweep'], ['doctor']])
        expect([args, await runCommand(directory, args, { DATA_DIR })]).toMatchObject([args, { code: 0, stderr: '' }]);
      const created = await runCommand(directory, ['admin', 'create', 'eva@example.com', '--invite'], { DATA_DIR });
      expect(created.code).toBe(0);
    });

    it('ends with that process, however it ends', async () => {
      await first.stop('SIGKILL');
      const second = run({ DATA_DIR });
      await second.address();
      await second.stop('SIGTERM');
      const third = run({ DATA_DIR });
      await third.address();
      await third.stop();
    });
  });

  describe('because of an address', () => {
    let taken: Server;
    let port: string;
    beforeAll(async () => {
      port = String(await freePort());
      taken = createServer().listen(Number(port), '127.0.0.1');
      await once(taken, 'listening');
    });
    afterAll(() => new Promise((resolve) => taken.close(resolve)));

    it.each(['PORT', 'METRICS_PORT'])('that is taken, in %s: creates no admin', async (name) => {
      const DATA_DIR = join(directory, `taken-${name}`);
      const message = new RegExp(`Port ${port} is in use by another process .*set ${name} to another port`);
      await expectRefusal(run({ DATA_DIR, [name]: port }), 1, message);
      // the next start creates it, and prints its password
      const next = run({ DATA_DIR });
      await next.address();
      expect(next.output()).toContain('First admin');
      await next.stop();
    });

    it.each([
      ['HOST', '203.0.113.7', /HOST must be an address of this machine/],
      ['HOST', 'no-such-host.invalid', /HOST must be/],
      ['METRICS_PORT', '5000', /METRICS_PORT must differ from PORT/],
    ])('in %s: %s', async (name, value, message) => {
      const PORT = name === 'METRICS_PORT' ? '5000' : String(await freePort());
      await expectRefusal(run({ DATA_DIR: join(directory, 'address'), PORT, [name]: value }), 78, message);
    });

    const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;
    declareOnServer('with several workers', () => {
      let database: TestDatabase;
      beforeAll(async () => {
        database = await createDatabase('MariaDB');
      });
      afterAll(() => database.drop());

      it.each(['PORT', 'METRICS_PORT'])('that is taken, in %s', async (name) => {
        const env = {
          NODE_ENV: 'production',
          WEB_CONCURRENCY: '2',
          DATABASE_URI: database.uri!,
          JWT_SECRET,
          ADMIN_EMAIL: 'admin@example.com',
          ADMIN_PASSWORD: 'correct horse battery',
        };
        await expectRefusal(run({ ...env, [name]: port }), 1, new RegExp(`Port ${port} is in use .*${name}`));
      });
    });
  });

  describe('because of the database', () => {
    const user = `crm_${randomBytes(6).toString('hex')}`;
    let database: TestDatabase;
    let root: mysql.Connection;

    async function expectExplained(change: (uri: URL) => unknown, message: RegExp, workers = '1'): Promise<void> {
      const env = envOf(change);
      const program = run({ ...env, NODE_ENV: 'production', WEB_CONCURRENCY: workers });
      await expectRefusal(program, 1, message);
      expect(program.output().split('Could not start')).toHaveLength(2);
      expect(program.output()).not.toContain('zq-password');
    }

    const envOf = (change: (uri: URL) => unknown): Record<string, string> => {
      const uri = new URL(database.uri ?? 'mysql://crm:zq-password@127.0.0.1:1/crm');
      change(uri);
      return { DATABASE_URI: uri.href, JWT_SECRET };
    };

    const unreachable = (at: string, reason: string, fix: string): RegExp =>
      new RegExp(
        `No connection to the database [\\w ]+ at ${at}: .*${reason}.*\nFix: ${fix}.*\n.*npm run crm -- doctor`,
      );

    const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;
    beforeAll(async () => {
      database = await createDatabase(kinds.at(-1)!);
      if (!database.uri) return;
      root = await mysql.createConnection(database.uri);
      await root.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'zq-password'`);
    });
    afterAll(async () => {
      await root?.query(`DROP USER ${user}@'%'`);
      await root?.end();
      await database.drop();
    });

    it.each([
      ['port', (uri: URL) => (uri.host = '127.0.0.1:1'), '127.0.0.1:1', 'ECONNREFUSED', 'Start the database server'],
      ['host', (uri: URL) => (uri.hostname = 'no-such.invalid'), 'no-such.invalid:\\d+', 'no-such', 'Correct the host'],
      ['socket', (uri: URL) => (uri.search = '?socketPath=/no/such'), '/no/such', 'ENOENT', 'Correct the socket'],
    ])('whose %s is wrong: says which one and what to do', async (_, change, at, reason, fix) => {
      await expectExplained(change, unreachable(at, reason, fix));
    });

    it('says so once, also with workers, and in commands', async () => {
      const change = (uri: URL): unknown => (uri.host = '127.0.0.1:1');
      const message = unreachable('127.0.0.1:1', 'ECONNREFUSED', 'Start the database server');
      await expectExplained(change, message, '2');
      const command = await runCommand(directory, ['migrate'], envOf(change));
      expect(command).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
    });

    declareOnServer('which refuses', () => {
      const as = (password: string) => (uri: URL) => Object.assign(uri, { username: user, password });

      it.each([
        ['the password', as('zq'), 'denied', 'Correct user and password'],
        ['an ungranted user', as('zq-password'), 'denied', 'Grant the user'],
        ['another database', (uri: URL) => (uri.pathname = '/crm%20none'), 'Unknown database', 'Create the database'],
        ['TLS', (uri: URL) => (uri.search = '?ssl-mode=VERIFY_CA'), '(SSL|certificate)', '(Turn TLS on|Set ssl_ca)'],
      ])('%s: says why and what to do', async (_, change, reason, fix) => {
        await expectExplained(change, unreachable('\\S+', reason, fix));
      });

      it('a statement of the migrations: names the privilege', async () => {
        const name = new URL(database.uri!).pathname.slice(1);
        await root.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.* TO ${user}@'%'`);
        await expectExplained(as('zq-password'), /A privilege is missing: CREATE command denied/);
      });
    });
  });

  it('because of .env names the line, and the other problems', async () => {
    const place = mkdtempSync(join(directory, 'env-'));
    writeFileSync(join(place, '.env'), '\ufeffPORT=5000.0\r\nJWT_SECRET="zq-open\r\nDOCS=true\r\n');
    const program = startProgram({ DATA_DIR: place }, place);
    await expectRefusal(program, 78, /\.env, line 2: must be NAME=value[^]*DOCS must be one of[^]*PORT must be/);
    expect(program.output()).not.toContain('zq');
    mkdirSync(join(place, 'sub', '.env'), { recursive: true });
    await expectRefusal(startProgram({}, join(place, 'sub')), 78, /\.env must be a file/);
  });

  it('because of special characters in a password names the encoding, and never the password', async () => {
    for (const special of ['/', '@', '#', '?', '%']) {
      const DATABASE_URI = `mysql://crm:zq${special}zq@127.0.0.1:1/crm`;
      const program = run({ DATABASE_URI, JWT_SECRET });
      await expectRefusal(program, 78, /DATABASE_URI must be .* percent-encoded: \/ as %2F/);
      expect(program.output()).not.toContain('zq');
    }
  });
});
