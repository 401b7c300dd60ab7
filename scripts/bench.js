// Compares the service with the least code that does the same work (scripts/bench/bare-server.js), in the same run, on
// the same rows. The ratio of CPU time per request is what to look at: a busy machine hardly changes it.
//
//   npm run build && npm run bench
//   npm run bench -- --dist ../base/dist --jobs get,patch --rounds 5     another build, some jobs, more rounds
//
// Starts a throw-away MariaDB unless DATABASE_URI names an empty database on loopback. Needs Linux, for /proc.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../test/support/mariadb.js';
import { compare, seekDeepPage } from './bench/compare.js';
import { openDatabase } from './bench/database.js';
import { JOBS } from './bench/jobs.js';
import * as processes from './bench/processes.js';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    dist: { type: 'string', default: join(here, '../dist') },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '100000' },
    jobs: { type: 'string', default: Object.keys(JOBS).join() },
  },
});
const dist = resolve(options.dist);
const [seconds, rounds, rows] = ['seconds', 'rounds', 'rows'].map((name) => positive(name));
const jobs = Object.keys(JOBS).filter((job) => options.jobs.split(',').includes(job));
if (jobs.length < options.jobs.split(',').length) throw new Error(`--jobs: known are ${Object.keys(JOBS).join(', ')}`);
// two pages at least on both sides of the middle
if (rows < 1000) throw new Error('--rows must be at least 1000');

const STARTS = 3;
const WARM_UP_SECONDS = Math.min(2, seconds);
/** Requests that the generator breaks off at the end of a run may have been committed. */
const CONNECTIONS = 32;
const ADMIN = { email: 'bench@example.com', password: 'correct horse battery' };

const HEADINGS = [
  'job'.padEnd(15),
  'CPU ratio',
  'bare: µs CPU',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'busy',
  'service: µs CPU',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'busy',
];

const directory = mkdtempSync(join(tmpdir(), 'crm-bench-'));
let database;
const writes = { before: 0, acknowledged: 0, brokenOff: 0 };

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void cleanUp().then(() => process.exit(1)));
try {
  await run();
} catch (error) {
  process.stderr.write(`Benchmark aborted: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function run() {
  database = await openDatabase(process.env.DATABASE_URI);
  const logPipe = openLogPipe();
  const migrated = await startService(logPipe);
  await processes.stop(migrated.process);
  const actorId = await database.adminId();
  await database.fill(rows, actorId);

  const starts = [];
  let service;
  for (let n = 0; n < STARTS; n++) {
    if (service) await processes.stop(service.process);
    service = await startService(logPipe);
    starts.push(service.startSeconds);
  }
  const atStart = processes.residentMiB(service.process);
  const bare = await startBare(actorId);
  await signIn(service, bare);
  await seekDeepPage(service, bare, rows);
  await compare(service, bare, database);
  writes.before = await database.countWrites();

  printRow(HEADINGS);
  printRow(HEADINGS.map((heading) => '-'.repeat(heading.length)));
  for (const job of jobs) {
    // an access token expires after ten minutes
    await signIn(service, bare);
    printRow([JOBS[job].title, ...(await measure(job, service, bare))]);
  }
  const [afterwards, ofBare] = [service, bare].map((server) => processes.residentMiB(server.process).toFixed(0));
  print(`
Medians of ${rounds} rounds of ${seconds} s, ${CONNECTIONS} connections, ${rows} customers; "busy" is CPU time per second of load.
Resident memory of the service: ${atStart.toFixed(0)} MiB at start, ${afterwards} MiB after the load (bare: ${ofBare} MiB).
Start of the service until it is ready: ${median(starts).toFixed(2)} s (median of ${STARTS}).
${await environment()}`);
}

/** Rounds of both servers in turn, so that a change of the machine's speed meets both. */
async function measure(job, service, bare) {
  for (const server of [bare, service]) await load(job, server, WARM_UP_SECONDS);
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const result = { bare: await load(job, bare, seconds), service: await load(job, service, seconds) };
    results.push({ ...result, ratio: result.service.cpu / result.bare.cpu });
  }
  const figures = (name) => {
    const medianOf = (figure) => median(results.map((result) => result[name][figure]));
    const cpu = (medianOf('cpu') * 1e6).toFixed(0);
    const latencies = ['p50', 'p99'].map((figure) => medianOf(figure).toFixed(1));
    return [cpu, medianOf('rate').toFixed(0), ...latencies, `${(medianOf('busy') * 100).toFixed(0)}%`];
  };
  const ratio = median(results.map((result) => result.ratio)).toFixed(2);
  return [ratio, ...figures('bare'), ...figures('service')];
}

async function load(job, { name, process: server, url, token, cursor }, duration) {
  const spec = JSON.stringify({ url, token, job, rows, cursor, seconds: duration });
  const cpuBefore = processes.cpuSeconds(server);
  const generator = processes.launch(process.execPath, [join(here, 'bench/generate-load.js'), spec], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { problem, requests, rate, p50, p99 } = JSON.parse((await text(generator.stdout)) || '{"problem":"no result"}');
  const cpu = processes.cpuSeconds(server) - cpuBefore;
  if (problem) throw new Error(`${JOBS[job].title}, ${name}: ${problem}`);
  if (JOBS[job].isWrite) await expectWrites(requests);
  return { cpu: cpu / requests, rate, p50, p99, busy: (cpu / requests) * rate };
}

/** Over all runs: what the generator breaks off in one run may be committed during the next. */
async function expectWrites(requests) {
  writes.acknowledged += requests;
  writes.brokenOff += CONNECTIONS;
  const written = (await database.countWrites()) - writes.before;
  const { acknowledged, brokenOff } = writes;
  if (written < acknowledged || written > acknowledged + brokenOff)
    throw new Error(`${written} writes for ${acknowledged} responses, and at most ${brokenOff} requests broken off`);
}

async function startService(logPipe) {
  const server = await address('service');
  const begin = performance.now();
  server.process = processes.launchServer(['--enable-source-maps', join(dist, 'src/main.js')], {
    // the build finds its package.json there
    cwd: dirname(dist),
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: server.port,
      DATABASE_URI: database.uri,
      DATABASE_POOL: '10',
      DATA_DIR: directory,
      DRAIN_SECONDS: '0',
      LOG_LEVEL: 'info',
      WEB_CONCURRENCY: '1',
      // an empty variable is unset, whatever `.env` says
      METRICS_PORT: '',
      TLS: '',
      JWT_SECRET: 'the secret of the benchmark - long enough',
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    },
    stdio: ['ignore', logPipe, 'inherit'],
  });
  await processes.waitUntilReady(server.process, `${server.url}/readyz`);
  return { ...server, startSeconds: (performance.now() - begin) / 1000 };
}

async function startBare(actorId) {
  const server = await address('bare');
  server.process = processes.launchServer([join(here, 'bench/bare-server.js')], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: server.port,
      DATABASE_URI: database.uri,
      ACTOR_ID: String(actorId),
      HAS_STATE: String(await database.hasState()),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await processes.waitUntilReady(server.process, `${server.url}/customers/1`);
  return server;
}

/** The log goes through a pipe to another process, as in a container. */
function openLogPipe() {
  const path = join(directory, 'log');
  execFileSync('mkfifo', [path]);
  processes.launch('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] });
  return openSync(path, 'w');
}

async function signIn(service, bare) {
  const response = await fetch(`${service.url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ADMIN),
  });
  if (!response.ok) throw new Error(`POST /login: ${response.status} ${await response.text()}`);
  // the bare server gets the same headers, and ignores them
  service.token = bare.token = (await response.json()).accessToken;
}

async function address(name) {
  const port = String(await freePort());
  return { name, port, url: `http://127.0.0.1:${port}` };
}

async function environment() {
  const cores = processes.isPinned ? 'the server on a core of its own' : 'NOT pinned to cores';
  const machine = `${processes.cpuModel()}, ${processes.coreCount} cores (${cores})`;
  return `${new Date().toISOString()}; ${machine}; Node ${process.version}; ${await database.version()}; ${dist}`;
}

function positive(name) {
  const value = Number(options[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1`);
  return value;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function printRow(cells) {
  const padded = cells.map((cell, n) => (n === 0 ? cell.padEnd(15) : cell.padStart(HEADINGS[n].length)));
  print(`| ${padded.join(' | ')} |`);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

async function cleanUp() {
  await processes.killAll();
  await database?.remove();
  database = undefined;
  rmSync(directory, { recursive: true, force: true });
}
