// Compares what a request costs two builds, in turns, each on a database of its own with the same rows: processor time of
// the service and of the database, and time per request.
//
//   npm run build && node scripts/bench-builds.js --base ../base/dist --jobs post,patch --rows 200000
//
// Starts a throw-away MariaDB for each build. Needs Linux, for /proc.
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDatabase } from './bench/database.js';
import { fill } from './bench/fill.js';
import { JOBS } from './bench/jobs.js';
import { median } from './bench/measure.js';
import { cpuSeconds, killAll, launch } from './bench/processes.js';
import { plainCustomer } from './bench/sample-rows.js';
import { openLogPipe, signIn, startService } from './bench/servers.js';

const GENERATOR = fileURLToPath(new URL('bench/generate-load.js', import.meta.url));
const { values: options } = parseArgs({
  options: {
    base: { type: 'string' },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
    jobs: { type: 'string', default: 'get,post,patch' },
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '32' },
  },
});

const builds = [];
process.once('SIGINT', () => void cleanUp().then(() => process.exit(1)));
try {
  for (const dist of [options.base, options.dist]) builds.push(await prepare(resolve(dist)));
  print(`load ${loadavg()[0].toFixed(1)}; ${await builds[0].database.version()}; ${options.rows} customers`);
  print('job    build   µs CPU: service  database  both     p50 ms  requests/s');
  for (const job of options.jobs.split(',')) await compareJob(job);
} catch (error) {
  process.stderr.write(`Benchmark aborted: ${error.stack}\n`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function prepare(dist) {
  const directory = mkdtempSync(join(tmpdir(), 'crm-bench-'));
  const database = await openDatabase(undefined);
  const build = { directory, database };
  try {
    build.service = await startService(dist, database.uri, directory, openLogPipe(directory));
    const admin = await database.adminId();
    await fill(database, Number(options.rows), (n) => plainCustomer(n, Number(options.rows), admin));
    await signIn(build.service, {});
    return build;
  } catch (error) {
    builds.push(build);
    throw error;
  }
}

async function compareJob(job) {
  const results = builds.map(() => []);
  for (let round = 0; round <= Number(options.rounds); round++)
    for (const [n, build] of builds.entries()) {
      await signIn(build.service, {});
      const result = await load(job, build);
      // the first round warms up
      if (round > 0) results[n].push(result);
    }
  const figures = results.map((rounds) =>
    Object.fromEntries(Object.keys(rounds[0]).map((name) => [name, median(rounds.map((round) => round[name]))])),
  );
  const [base, current] = figures;
  for (const [n, { service, database, p50, rate }] of figures.entries())
    print(
      `${job.padEnd(6)} ${['base', 'current'][n].padEnd(8)} ${[service, database, service + database].map((us) => us.toFixed(0).padStart(9)).join(' ')} ${p50.toFixed(2).padStart(9)} ${rate.toFixed(0).padStart(9)}`,
    );
  const ratio = (of) => (of(current) / of(base)).toFixed(2).padStart(9);
  print(
    `${job.padEnd(6)} ${'ratio'.padEnd(8)} ${ratio(({ service }) => service)} ${ratio(({ database }) => database)} ${ratio(({ service, database }) => service + database)} ${ratio(({ p50 }) => p50)} ${ratio(({ rate }) => rate)}`,
  );
}

async function load(job, { service, database }) {
  const { url, token } = service;
  const [rows, seconds, connections] = [options.rows, options.seconds, options.connections].map(Number);
  const spec = JSON.stringify({ url, token, job, rows, seconds, connections });
  const servers = [service.process, database.mariadb.process()];
  const before = servers.map(cpuSeconds);
  const generator = launch(process.execPath, [GENERATOR, spec], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { problem, requests, rate, p50 } = JSON.parse(await text(generator.stdout));
  if (problem) throw new Error(`${JOBS[job].title}: ${problem}`);
  const [ofService, ofDatabase] = servers.map((server, n) => ((cpuSeconds(server) - before[n]) * 1e6) / requests);
  return { service: ofService, database: ofDatabase, p50, rate };
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

async function cleanUp() {
  await killAll();
  for (const { database, directory } of builds) {
    await database.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
