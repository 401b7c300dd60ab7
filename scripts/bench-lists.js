// Measures lists and searches of many customers, half of them deleted: one request after the other, and ten at once.
//
//   npm run build && node scripts/bench-lists.js --rows 1000000
//   node scripts/bench-lists.js --embedded --match 'createdBy|phone' --pairs --pages 200
//
// Fills a throw-away MariaDB, or the empty database on loopback that DATABASE_URI names, or with --embedded a database of
// SQLite. With --keep it remains, and the next run uses it as it is. Needs Linux, for /proc.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDatabase } from './bench/database.js';
import { EmbeddedDatabase } from './bench/embedded-database.js';
import { fill } from './bench/fill.js';
import { combinations, filters, SEARCHES, SORTS } from './bench/lists.js';
import { median } from './bench/measure.js';
import { cpuSeconds, killAll, stop } from './bench/processes.js';
import { variedCustomer } from './bench/sample-rows.js';
import { openLogPipe, signIn, startService } from './bench/servers.js';

const CONCURRENT = 10;
const WARM_UP = 2_000;
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    repeats: { type: 'string', default: '9' },
    match: { type: 'string', default: '' },
    sorts: { type: 'string', default: SORTS.join() },
    pages: { type: 'string', default: '50' },
    pairs: { type: 'boolean', default: false },
    searches: { type: 'boolean', default: false },
    embedded: { type: 'boolean', default: false },
    keep: { type: 'string' },
    // of the server that DATABASE_URI names
    pid: { type: 'string' },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
  },
});
const rows = Number(options.rows);
const repeats = Number(options.repeats);
const sorts = options.sorts.split(',');
const matches = new RegExp(options.match);

const agent = new Agent({ keepAlive: true });
const directory = options.keep ?? mkdtempSync(join(tmpdir(), 'crm-bench-'));
let database;
process.once('SIGINT', () => void cleanUp().then(() => process.exit(1)));
try {
  await run();
} catch (error) {
  process.stderr.write(`Benchmark aborted: ${error.stack}\n`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function run() {
  mkdirSync(directory, { recursive: true });
  const logPipe = openLogPipe(mkdtempSync(join(tmpdir(), 'crm-bench-log-')));
  const isNew = !existsSync(join(directory, 'filled'));
  if (!options.embedded) database = await openDatabase(process.env.DATABASE_URI, !isNew);
  const start = () => startService(options.dist, database?.uri ?? '', directory, logPipe);
  let service = await start();
  if (options.embedded) {
    await stop(service.process);
    database = new EmbeddedDatabase(directory);
  }
  const users = await usersOf(database);
  if (isNew) {
    const begin = performance.now();
    await fill(database, rows, (n) => variedCustomer(n, rows, users));
    print(`Filled in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
    if (options.keep) await import('node:fs').then(({ writeFileSync }) => writeFileSync(join(directory, 'filled'), ''));
  }
  const values = await filters(database, users);
  if (!options.embedded) await stop(service.process);
  service = await start();
  await signIn(service, {});

  const [{ n: total }] = await database.query('SELECT COUNT(*) AS n FROM customers');
  const random = () => `/customers/${2 * Math.floor((Math.random() * rows) / 2)}`;
  // for the compiler: a service is rarely younger
  await measure(service, random, WARM_UP, [200, 404]);
  await measure(service, () => '/customers?q=a', WARM_UP / 20);
  const { ms: one, cpu } = await measure(service, random, 100, [200, 404]);
  print(
    `GET one: ${one.toFixed(2)} ms, CPU ${cpu.toFixed(2)} ms; load ${loadavg()[0].toFixed(1)}; ${await database.version()}; ${total} customers`,
  );
  print(
    `${'list'.padEnd(44)} ${'sort'.padEnd(16)}   first  median     CPU  page ${options.pages.padEnd(2)}  10 at once  x GET one`,
  );
  for (const [title, query] of Object.entries(SEARCHES)) {
    if (!matches.test(title)) continue;
    for (const sort of sorts) await report(service, one, title, { ...query, sort });
  }
  if (!options.searches)
    for (const { title, query } of combinations(values, options.pairs)) {
      if (!matches.test(title)) continue;
      for (const sort of sorts) await report(service, one, title, { ...query, sort });
    }
  await stop(service.process);
}

async function report(service, one, title, query) {
  // an access token expires after ten minutes
  if (performance.now() - (service.signedInAt ?? 0) > 300_000) {
    await signIn(service, {});
    service.signedInAt = performance.now();
  }
  const path = `/customers?${new URLSearchParams(query)}`;
  const coldBegin = performance.now();
  await get(service, path);
  const cold = performance.now() - coldBegin;
  const first = await measure(service, () => path, repeats);
  const last = await pageAfter(service, path, Number(options.pages));
  const begin = performance.now();
  await Promise.all(Array.from({ length: CONCURRENT }, () => get(service, path)));
  const together = performance.now() - begin;
  const figures = [cold, first.ms, first.cpu, last && (await measure(service, () => last, repeats)).ms, together];
  const texts = figures.map((ms) => (ms === undefined ? '-' : ms.toFixed(1)).padStart(7));
  print(`${title.padEnd(44)} ${query.sort.padEnd(16)} ${texts.join(' ')} ${(first.ms / one).toFixed(1).padStart(6)}x`);
}

/** The path of a page, if the list has so many. */
async function pageAfter(service, path, pages) {
  let cursor;
  for (let page = 1; page < pages; page++) {
    const { body } = await get(service, `${path}${cursor ? `&cursor=${cursor}` : ''}`);
    cursor = body.page.next;
    if (cursor === null) return undefined;
  }
  return `${path}&cursor=${cursor}`;
}

/** The median time in ms, and the mean processor time of service and database. */
async function measure(service, path, count, statuses = [200]) {
  for (let n = 0; n < 2; n++) await get(service, path(), statuses);
  const pid = options.pid ?? database.mariadb?.process().pid;
  const servers = [service.process, ...(pid ? [{ pid }] : [])];
  const cpu = () => servers.reduce((sum, server) => sum + cpuSeconds(server), 0);
  const before = cpu();
  const times = [];
  for (let n = 0; n < count; n++) {
    const begin = performance.now();
    await get(service, path(), statuses);
    times.push(performance.now() - begin);
  }
  return { ms: median(times), cpu: ((cpu() - before) * 1000) / count };
}

function get({ url, token }, path, statuses = [200]) {
  return new Promise((resolve, reject) => {
    request(url + path, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => (text += chunk))
        .on('end', () => {
          const { statusCode } = response;
          if (statuses.includes(statusCode)) resolve({ body: JSON.parse(text) });
          else reject(new Error(`${path}: ${statusCode} ${text}`));
        })
        .on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

/** The admin that the service has created, and two more creators. */
async function usersOf(database) {
  for (const n of [2, 3]) {
    const [found] = await database.query('SELECT id FROM users WHERE id = ?', [n]);
    if (!found)
      await database.insert(
        'users',
        ['id', 'email', 'name', 'surname', 'is_deleted'],
        [[n, `u${n}@example.com`, 'A', 'B', 0]],
      );
  }
  return [1, 2, 3];
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

async function cleanUp() {
  agent.destroy();
  await killAll();
  if (options.keep) return database?.close();
  await database?.remove();
  rmSync(directory, { recursive: true, force: true });
}
