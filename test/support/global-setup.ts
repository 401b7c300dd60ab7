import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';

/** Where Debian and its like install one. */
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

declare global {
  var mariadb: { server: ChildProcess; directory: string } | undefined;
}

/**
 * A throw-away MariaDB for the whole run, unless `TEST_DATABASE_URI` names a server, is empty (for a quick run on the
 * embedded database alone), or there is none to start.
 */
export default async function setup(): Promise<void> {
  findBrowser();
  if (process.env.TEST_DATABASE_URI !== undefined) return;
  if (!has('mariadbd')) {
    if (process.env.REQUIRE_MARIADB) throw new Error('mariadbd is not on the PATH, and REQUIRE_MARIADB is set');
    console.warn('\nNot run: the tests on MariaDB. Install mariadb-server, or set TEST_DATABASE_URI, to run them.');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'crm-mariadb-'));
  const data = `--datadir=${join(directory, 'data')}`;
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const install = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', data, ...user];
  execFileSync('mariadb-install-db', [...install, '--innodb-log-file-size=16M'], { stdio: 'ignore' });
  const port = await freePort();
  const server = spawn(
    'mariadbd',
    [
      '--no-defaults',
      ...user,
      data,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, 'm.sock')}`,
      // nothing has to survive the run
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-flush-method=nosync',
      '--skip-log-bin',
      '--performance-schema=OFF',
      '--skip-name-resolve',
      '--max-connections=500',
    ],
    { stdio: 'ignore' },
  );
  globalThis.mariadb = { server, directory };
  process.env.TEST_DATABASE_URI = `mysql://root@127.0.0.1:${port}`;
  await ready(process.env.TEST_DATABASE_URI, server);
}

/** Sets `CHROMIUM_PATH`, unless it is set. */
function findBrowser(): void {
  process.env.CHROMIUM_PATH ??= BROWSERS.find((path) => existsSync(path));
  if (process.env.CHROMIUM_PATH) return;
  if (process.env.REQUIRE_CHROMIUM) throw new Error('There is no Chromium, and REQUIRE_CHROMIUM is set');
  console.warn('\nNot run: the test in a browser. Install chromium, or set CHROMIUM_PATH, to run it.');
}

function has(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function ready(uri: string, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`mariadbd ended with ${server.exitCode}`);
    try {
      await (await mysql.createConnection(uri)).end();
      return;
    } catch {
      await sleep(50);
    }
  }
}

/** Below the range that outgoing connections are given theirs from. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const isFree = await new Promise((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}
