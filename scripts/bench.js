// Compares the service with the least code that does the same work (scripts/bench/bare-server.js), in the same run, on
// the same rows. The figure to look at is the ratio of CPU time per request: a busy machine hardly changes it.
//
//   npm run build && npm run bench
//   npm run bench -- --dist ../base/dist --jobs get,patch --rounds 5     another build, some jobs, more rounds
//   npm run bench -- --write --node ~/node24/bin/node    docs/performance.md, also with another version of Node
//
// Starts a throw-away MariaDB unless DATABASE_URI names an empty database on loopback. Needs Linux, for /proc.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare, seekDeepPage } from './bench/compare.js';
import { openDatabase } from './bench/database.js';
import { fill } from './bench/fill.js';
import { CONNECTIONS, JOBS } from './bench/jobs.js';
import { Measurement, median } from './bench/measure.js';
import { coreCount, cpuModel, isPinned, killAll, residentMiB, stop } from './bench/processes.js';
import { writeReport } from './bench/report.js';
import { plainCustomer } from './bench/sample-rows.js';
import { openLogPipe, signIn, startBare, startService } from './bench/servers.js';

const STARTS = 3;
const OF_SERVER = ['requests/s', 'p50 ms', 'p99 ms', 'busy'];
const HEADINGS = ['job            ', 'CPU ratio', 'bare: µs CPU', ...OF_SERVER, 'service: µs CPU', ...OF_SERVER];

const { dist, jobs, nodes, directoryOfReport, ...sizes } = readOptions();
const directory = mkdtempSync(join(tmpdir(), 'crm-bench-'));
let opening;
let ending;

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void cleanUp().then(() => process.exit(1)));
try {
  const logPipe = openLogPipe(directory);
  const runs = [];
  for (const node of nodes) {
    opening = openDatabase(process.env.DATABASE_URI);
    runs.push(await run(await opening, node, logPipe));
    await (await opening).remove();
    opening = undefined;
  }
  if (directoryOfReport) writeReport(directoryOfReport, runs);
} catch (error) {
  process.stderr.write(`Benchmark aborted: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function run(database, node, logPipe) {
  const start = () => startService(dist, database.uri, directory, logPipe, node);
  // migrates the database, and creates the admin
  let service = await start();
  const actorId = await database.adminId();
  await fill(database, sizes.rows, (n) => plainCustomer(n, sizes.rows, actorId));

  const startSeconds = [];
  for (let n = 0; n < STARTS; n++) {
    await stop(service.process);
    service = await start();
    startSeconds.push(service.startSeconds);
  }
  const residentAtStart = residentMiB(service.process);
  const bare = await startBare(database.uri, actorId, await database.hasState(), await database.hasKeys(), node);
  await signIn(service, bare);
  await seekDeepPage(service, bare, sizes.rows, database);
  await compare(service, bare, database);

  const table = [];
  const printRow = (cells) => {
    table.push(`| ${cells.map((cell, n) => cell[n === 0 ? 'padEnd' : 'padStart'](HEADINGS[n].length)).join(' | ')} |`);
    print(table.at(-1));
  };
  printRow(HEADINGS);
  printRow(HEADINGS.map((heading) => '-'.repeat(heading.length)));
  const measurement = new Measurement(database, sizes);
  const ratios = {};
  for (const job of jobs) {
    // an access token expires after ten minutes
    await signIn(service, bare);
    const result = await measurement.run(job, service, bare);
    const figures = [result.bare, result.service].flatMap(figuresOf);
    printRow([JOBS[job].title, result.ratio.toFixed(2), ...figures]);
    ratios[JOBS[job].title] = result.ratio;
  }
  const [resident, residentBare] = [service, bare].map((server) => residentMiB(server.process).toFixed(0));
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const notes = `Medians of ${sizes.rounds} round(s) of ${sizes.seconds} s; ${CONNECTIONS} connections, ${sizes.rows} customers; busy: CPU time of the server per second.
Resident memory of the service: ${residentAtStart.toFixed(0)} MiB at start, ${resident} MiB after the load (bare: ${residentBare} MiB).
Start of the service until it is ready: ${median(startSeconds).toFixed(2)} s (median of ${STARTS}).
${new Date().toISOString()}; ${cpuModel()}, ${coreCount} core(s), ${isPinned ? 'one of them for the server' : 'NOT pinned'}; \
Node ${version}; ${await database.version()}`;
  print(`\n${notes}; ${dist}\n`);
  for (const server of [service, bare]) await stop(server.process);
  return { node: version, table: table.join('\n'), notes, ratios };
}

function figuresOf({ cpu, rate, p50, p99, busy }) {
  return [cpu.toFixed(0), rate.toFixed(0), p50.toFixed(1), p99.toFixed(1), `${(busy * 100).toFixed(0)}%`];
}

function readOptions() {
  const names = Object.keys(JOBS);
  const { values } = parseArgs({
    options: {
      dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      rows: { type: 'string', default: '100000' },
      jobs: { type: 'string', default: names.join() },
      node: { type: 'string', multiple: true, default: [] },
      write: { type: 'boolean', default: false },
    },
  });
  const integer = (name, min) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < min) throw new Error(`--${name} must be a whole number from ${min}`);
    return value;
  };
  const asked = values.jobs.split(',');
  const unknown = asked.filter((job) => !names.includes(job));
  if (unknown.length > 0) throw new Error(`--jobs: ${unknown.join()} not in ${names.join()}`);
  return {
    dist: resolve(values.dist),
    jobs: names.filter((job) => asked.includes(job)),
    nodes: [process.execPath, ...values.node],
    directoryOfReport: values.write && fileURLToPath(new URL('../docs', import.meta.url)),
    seconds: integer('seconds', 1),
    rounds: integer('rounds', 1),
    // a page behind the middle of the list has to be full
    rows: integer('rows', 1000),
  };
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

/** Once, whether the run ends or a signal does. */
function cleanUp() {
  ending ??= (async () => {
    await killAll();
    await (await opening?.catch(() => undefined))?.remove();
    rmSync(directory, { recursive: true, force: true });
  })();
  return ending;
}
