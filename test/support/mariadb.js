// A temporary MariaDB on loopback, for the tests and for scripts/rolling-restart.js. JavaScript, as the scripts cannot load
// TypeScript.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';

export function hasMariadb() {
  try {
    execFileSync('mariadbd', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function startMariadb(extraOptions = []) {
  const directory = mkdtempSync(join(tmpdir(), 'crm-mariadb-'));
  // at start, a server deletes the temporary tables of other servers that share its directory for them
  const env = { ...process.env, TMPDIR: directory };
  const data = `--datadir=${join(directory, 'data')}`;
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const install = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', data, ...user];
  execFileSync('mariadb-install-db', [...install, '--innodb-log-file-size=16M'], { env, stdio: 'ignore' });
  const port = await freePort();
  const uri = `mysql://root@127.0.0.1:${port}`;
  const options = [
    '--no-defaults',
    ...user,
    data,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(directory, 'm.sock')}`,
    // commits must survive a kill of the process, but not a crash of the machine
    '--innodb-flush-log-at-trx-commit=2',
    '--innodb-flush-method=nosync',
    '--skip-log-bin',
    '--performance-schema=OFF',
    '--skip-name-resolve',
    '--max-connections=500',
    ...extraOptions,
  ];
  const start = async () => {
    const server = spawn('mariadbd', options, { env, stdio: 'ignore' });
    await ready(port, server);
    return server;
  };
  let server = await start();
  return {
    uri,
    process: () => server,
    restart: async () => void (server = await start()),
    remove: async () => {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function ready(port, server) {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`mariadbd exited with ${server.exitCode}`);
    try {
      await (await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' })).end();
      return;
    } catch (error) {
      // it answers: it requires TLS
      if (error.sqlState) return;
      await sleep(50);
    }
  }
}

/** Picks a free port below the ephemeral range, from which outgoing connections take theirs. */
export async function freePort() {
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
