// Compares the service with the least that could answer the same: a bare node:http server with mysql2, in the same
// run, on the same rows. CPU seconds per request of each server's process, so that a noisy machine matters less.
//
//   npm run build && DATABASE_URI=mysql://root@127.0.0.1:3306/bench node scripts/bench.js
//
// The database has to be empty, and on loopback.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';

const CONNECTIONS = 32;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const ROUNDS = 3;
const CUSTOMERS = 1000;
const TICKS_PER_SECOND = 100;

const env = {
  ...process.env,
  NODE_ENV: 'production',
  LOG_LEVEL: process.env.LOG_LEVEL ?? 'error',
  WEB_CONCURRENCY: '1',
  DRAIN_SECONDS: '0',
  DATA_DIR: mkdtempSync(join(tmpdir(), 'crm-bench-')),
  JWT_SECRET: 'the secret of the benchmark - long enough',
  ADMIN_EMAIL: 'bench@example.com',
  ADMIN_PASSWORD: 'correct horse battery',
};
const service = start(['dist/src/main.js'], 5801);
const bare = start(['scripts/bench-baseline.js'], 5802);
try {
  const token = await signIn(service.url);
  for (let n = 0; n < CUSTOMERS; n++) await create(service.url, token, `seed-${n}`);

  const cases = {
    'GET one': () => ({ method: 'GET', path: () => `/customers/${1 + Math.floor(Math.random() * CUSTOMERS)}` }),
    'list of 50': () => ({ method: 'GET', path: () => '/customers?limit=50' }),
    POST: () => ({ method: 'POST', path: () => '/customers', body: (n) => JSON.stringify(customer(n)) }),
  };
  console.log('CPU per request, bare node:http + mysql2 = 1.00; the median of', ROUNDS, 'rounds\n');
  for (const [name, request] of Object.entries(cases)) {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      const baseline = await load(bare, token, request());
      const measured = await load(service, token, request());
      rounds.push({ ratio: measured.cpu / baseline.cpu, measured, baseline });
    }
    rounds.sort((a, b) => a.ratio - b.ratio);
    const { ratio, measured, baseline } = rounds[Math.floor(ROUNDS / 2)];
    console.log(
      `${name.padEnd(12)} ${ratio.toFixed(2)}x   ${Math.round(measured.rate)} requests/s (bare ${Math.round(baseline.rate)})`,
    );
  }
} finally {
  service.process.kill();
  bare.process.kill();
}

function start(args, port) {
  const child = spawn(process.execPath, args, {
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { process: child, url: `http://127.0.0.1:${port}` };
}

async function load(server, token, { method, path, body }) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
  const before = cpuSeconds(server.process.pid);
  const result = await autocannon({
    url: server.url,
    connections: CONNECTIONS,
    duration: SECONDS,
    method,
    headers,
    requests: [
      {
        setupRequest: (request) => ({
          ...request,
          path: path(),
          ...(body && { body: body(`${process.hrtime.bigint()}`) }),
        }),
      },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${method} ${path()}: ${result.non2xx} refused, ${result.errors} errors`);
  const requests = result['2xx'];
  return { cpu: (cpuSeconds(server.process.pid) - before) / requests, rate: requests / SECONDS };
}

/** User and system time of all threads: fields 14 and 15 of /proc/<pid>/stat. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function customer(n) {
  return { email: `${n}@bench.example.com`, name: 'Ana María', surname: 'de la Cruz', company: 'Cruz & Hijos' };
}

async function create(url, token, n) {
  const response = await fetch(`${url}/customers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(customer(n)),
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
}

async function signIn(url) {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(`${url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: env.ADMIN_EMAIL, password: env.ADMIN_PASSWORD }),
      });
      return (await response.json()).accessToken;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
