// Proves that a rolling restart loses no request: restarts two instances behind HAProxy under load, one after the other,
// for several rounds. Exits with 1 if a request failed or an acknowledged write is missing.
//
//   npm run build && node scripts/rolling-restart.js [rounds]
//
// Requires haproxy on the PATH. Starts its own MariaDB unless DATABASE_URI names an empty database.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { freePort, startMariadb } from '../test/support/mariadb.js';

const ROUNDS = Number(process.argv[2] ?? 10);
const CLIENTS = 16;
/** HAProxy checks every 0.5 s and needs two failures, so it notices within 1.5 s; this is twice that. */
const DRAIN_SECONDS = 3;
const CHECKS = 'inter 500ms fall 2 rise 2';
const MAIN = 'dist/src/main.js';

const directory = mkdtempSync(join(tmpdir(), 'crm-rolling-'));
const processes = new Set();
let mariadb;
let isOver = false;
const count = { reads: 0, writes: 0, failures: [] };

process.once('SIGINT', () => void cleanUp().then(() => process.exit(130)));
try {
  process.exitCode = (await run()) ? 0 : 1;
} finally {
  await cleanUp();
}

async function run() {
  const uri = process.env.DATABASE_URI ?? (await newDatabase());
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    LOG_LEVEL: 'error',
    DATABASE_URI: uri,
    DATA_DIR: directory,
    DRAIN_SECONDS: String(DRAIN_SECONDS),
    JWT_SECRET: 'the secret of the rolling restart - long enough',
    ADMIN_EMAIL: 'rolling@example.com',
    ADMIN_PASSWORD: 'correct horse battery',
  };
  const instances = [];
  for (const name of ['a', 'b']) instances.push({ name, port: await freePort() });
  for (const instance of instances) await start(instance, env);
  const proxy = await startProxy(instances);

  const token = await signIn(proxy.port, env);
  const agent = new Agent({ keepAlive: true });
  const clients = Array.from({ length: CLIENTS }, (_, client) => load(agent, proxy.port, token, client));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const instance of instances) {
      const took = await restart(instance, env);
      await until(() => proxy.isUp(instance.name));
      process.stdout.write(`round ${round}: ${instance.name} exited in ${took.toFixed(1)} s and is up again\n`);
    }
  }
  isOver = true;
  await Promise.all(clients);
  agent.destroy();
  return report(await rowsIn(uri));
}

function report(rows) {
  const { reads, writes, failures } = count;
  const isComplete = rows === writes;
  process.stdout.write(
    `${reads + writes} requests (${writes} writes) during ${2 * ROUNDS} restarts: ${failures.length} failed; ` +
      `${rows} rows for ${writes} acknowledged writes\n`,
  );
  for (const failure of failures.slice(0, 10)) process.stdout.write(`  ${failure}\n`);
  return isComplete && failures.length === 0;
}

async function newDatabase() {
  mariadb = await startMariadb();
  const connection = await mysql.createConnection(mariadb.uri);
  await connection.query('CREATE DATABASE rolling');
  await connection.end();
  return `${mariadb.uri}/rolling`;
}

async function rowsIn(uri) {
  const connection = await mysql.createConnection(uri);
  const [[{ total }]] = await connection.query('SELECT COUNT(*) AS total FROM customers');
  await connection.end();
  return total;
}

async function start(instance, env) {
  instance.process = launch(process.execPath, [MAIN], { ...env, PORT: String(instance.port) });
  await until(() => isOk(`http://127.0.0.1:${instance.port}/readyz`));
}

/** Returns how many seconds the old process took to exit. */
async function restart(instance, env) {
  const begin = performance.now();
  instance.process.kill('SIGTERM');
  const [code, signal] = await once(instance.process, 'exit');
  if (code !== 0) count.failures.push(`${instance.name} exited with ${code ?? signal}`);
  const took = (performance.now() - begin) / 1000;
  await start(instance, env);
  return took;
}

async function startProxy(instances) {
  const [port, statsPort] = [await freePort(), await freePort()];
  const servers = instances.map((instance) => `server ${instance.name} 127.0.0.1:${instance.port} check ${CHECKS}`);
  // no retries: the proxy must not hide requests that the service loses
  const config = `
defaults
  mode http
  retries 0
  timeout connect 2s
  # a busy machine answers late, but it answers
  timeout check 3s
  timeout client 30s
  timeout server 30s
frontend public
  bind 127.0.0.1:${port}
  default_backend service
backend service
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  ${servers.join('\n  ')}
frontend stats
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /
`;
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, config);
  launch('haproxy', ['-db', '-q', '-f', file], { PATH: process.env.PATH });
  const isUp = async (name) => {
    const csv = await fetch(`http://127.0.0.1:${statsPort}/;csv`).then((response) => response.text());
    return new RegExp(`^service,${name},.*,UP,`, 'm').test(csv);
  };
  await until(async () => (await isUp('a')) && (await isUp('b')));
  return { port, isUp };
}

/** One client: mostly reads, on keep-alive connections. */
async function load(agent, port, token, client) {
  for (let n = 0; !isOver; n++) {
    const isWrite = n % 4 === 0;
    const body = isWrite
      ? JSON.stringify({ email: `${client}-${n}@example.com`, name: 'Ana', surname: 'Cruz' })
      : undefined;
    const [method, path, expected] = isWrite ? ['POST', '/customers', 201] : ['GET', '/customers?limit=5', 200];
    try {
      const { status, text } = await send(agent, port, token, method, path, body);
      if (status === expected) count[isWrite ? 'writes' : 'reads']++;
      else count.failures.push(`${method} ${path}: ${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? 'of the proxy'}`);
    } catch (error) {
      count.failures.push(`${method} ${path}: ${error.code ?? error.message}`);
    }
    await sleep(10);
  }
}

function send(agent, port, token, method, path, body) {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text })).on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}

/** Access tokens expire after ten minutes, which is enough for ten rounds. */
async function signIn(port, { ADMIN_EMAIL, ADMIN_PASSWORD }) {
  const response = await fetch(`http://127.0.0.1:${port}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: ADMIN_EMAIL, password: ADMIN_PASSWORD }),
  });
  return (await response.json()).accessToken;
}

function launch(command, args, env) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  return child;
}

async function isOk(url) {
  return (await fetch(url)).ok;
}

async function until(check) {
  const deadline = Date.now() + 60_000;
  while (!(await check().catch(() => false))) {
    if (Date.now() > deadline) throw new Error('Timed out after 60 s');
    await sleep(50);
  }
}

async function cleanUp() {
  isOver = true;
  for (const child of processes) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await mariadb?.remove();
  rmSync(directory, { recursive: true, force: true });
}
