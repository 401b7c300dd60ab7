// Imports a file while other requests read customers at half of what the service can do, and compares their times with
// those before the import.
//
//   npm run build && node scripts/bench-import.js --rows 100000
//   node scripts/bench-import.js --embedded --mib 1024          a file of this size
//
// Starts a throw-away MariaDB unless DATABASE_URI names an empty database on loopback; --embedded: SQLite. Needs Linux.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDatabase } from './bench/database.js';
import { median } from './bench/measure.js';
import { killAll, residentMiB, stop } from './bench/processes.js';
import { openLogPipe, signIn, startService } from './bench/servers.js';

const CONNECTIONS = 32;
const SECONDS = 4;
const ROUNDS = 5;
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    mib: { type: 'string' },
    embedded: { type: 'boolean', default: false },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
  },
});

const directory = mkdtempSync(join(tmpdir(), 'crm-bench-'));
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
  if (!options.embedded) database = await openDatabase(process.env.DATABASE_URI);
  const service = await startService(options.dist, database?.uri ?? '', directory, openLogPipe(directory));
  await untilSignedIn(service);
  // something to read
  await importRows(service, 0, 1_000);

  const count = options.mib ? Infinity : Number(options.rows);
  const parts = options.mib ? 1 : ROUNDS;
  let first = 1_000;
  const ratios = [];
  const rates = [];
  let resident = 0;
  const residentBefore = residentMiB(service.process);
  const watch = setInterval(() => (resident = Math.max(resident, residentMiB(service.process))), 200);
  // rounds, as the machine is not equally fast all the time
  for (let round = 0; round < parts; round++) {
    const { rate: most } = await read(service);
    const half = Math.floor(most / 2);
    const alone = (await read(service, half)).p99;
    const begin = performance.now();
    let isRunning = true;
    const importing = importRows(service, first, count / parts).finally(() => (isRunning = false));
    const during = [];
    while (isRunning) during.push((await read(service, half)).p99);
    const { rows, bytes, done } = await importing;
    first += rows;
    const seconds = (performance.now() - begin) / 1000;
    // the last reads may have gone on after the import
    const beside = median(during.length > 1 ? during.slice(0, -1) : during);
    ratios.push(beside / alone);
    rates.push(rows / seconds);
    print(`Reads at most: ${most.toFixed(0)}/s. At ${half}/s: p99 ${alone.toFixed(1)} ms, during the import ${beside.toFixed(1)} ms.
Import: ${rows} rows, ${(bytes / 1024 ** 2).toFixed(0)} MiB in ${seconds.toFixed(0)} s: ${(rows / seconds).toFixed(0)} rows/s; ${JSON.stringify(done)}`);
  }
  clearInterval(watch);
  print(`Median of the rounds: p99 x ${median(ratios).toFixed(1)}, ${median(rates).toFixed(0)} rows/s.
Resident memory: ${residentBefore.toFixed(0)} MiB before, at most ${resident.toFixed(0)} MiB.
${new Date().toISOString()}; load ${loadavg()[0].toFixed(1)}; Node ${process.version}; ${database ? await database.version() : 'SQLite'}`);
  await stop(service.process);
}

/** The service creates the admin after it listens. */
async function untilSignedIn(service) {
  for (let attempt = 1; !service.token; attempt++)
    await signIn(service, {}).catch((error) => {
      if (attempt === 50) throw error;
      return sleep(100);
    });
}

/**
 * Reads at a steady rate, or as fast as it can, on bare sockets: the generator shares its core with the database. Times
 * count from when a read was due, so that they contain the wait for a connection.
 */
async function read({ url, token }, rate = Infinity) {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectTo(new URL(url).port)));
  const times = [];
  const due = [];
  const idle = [...sockets];
  const begin = performance.now();
  const send = (socket) => {
    socket.due = due.shift();
    socket.write(`GET ${somePath()} HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  };
  for (const socket of sockets)
    socket.on('data', (chunk) => {
      // the end of the JSON: a response is a few hundred bytes
      if (chunk.at(-1) !== 0x7d) return;
      if (!chunk.includes('HTTP/1.1 200 ')) throw new Error(chunk.toString());
      times.push(performance.now() - socket.due);
      if (rate === Infinity) due.push(performance.now());
      if (due.length > 0) send(socket);
      else idle.push(socket);
    });
  for (let sent = 0; performance.now() < begin + SECONDS * 1000;) {
    const count = rate === Infinity ? CONNECTIONS : ((performance.now() - begin) / 1000) * rate;
    for (; sent < count; sent++) due.push(rate === Infinity ? begin : begin + (sent * 1000) / rate);
    while (due.length > 0 && idle.length > 0) send(idle.pop());
    await sleep(1);
  }
  for (const socket of sockets) socket.destroy();
  return {
    rate: times.length / SECONDS,
    p99: times.sort((one, other) => one - other)[Math.floor(times.length * 0.99)],
  };
}

async function connectTo(port) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

function somePath() {
  return `/customers/${1 + Math.floor(Math.random() * 1_000)}`;
}

/** Uploads lines until there are enough rows, or bytes. */
async function importRows({ url, token }, first, count) {
  const maxBytes = options.mib ? Number(options.mib) * 1024 ** 2 - 1024 : Infinity;
  let rows = 0;
  let bytes = 0;
  function* lines() {
    yield 'E-mail;First Name;Last Name;Mobile Phone;Company;Notes\n';
    while (rows < count && bytes < maxBytes) {
      let chunk = '';
      for (let n = 0; n < 100 && rows < count; n++, rows++) chunk += lineOf(first + rows);
      bytes += Buffer.byteLength(chunk);
      yield chunk;
    }
  }
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/csv' };
  const upload = request(`${url}/customers/import?country=ES`, { method: 'POST', headers });
  const events = new Promise((resolve, reject) =>
    upload.once('error', reject).once('response', (response) => {
      let last = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => (last = (last + chunk).slice(-2_000)))
        .on('end', () => resolve(last.trim().split('\n').at(-1)))
        .on('error', reject);
    }),
  );
  await Promise.all([pipeline(Readable.from(lines()), upload), events]);
  const done = JSON.parse(await events);
  if (done.event !== 'done') throw new Error(JSON.stringify(done));
  return { rows, bytes, done };
}

function lineOf(n) {
  const phone = `600 ${String(n).padStart(6, '0')}`;
  const notes = 'Llama por las mañanas; prefiere el correo. '.repeat(options.mib ? 100 : 2);
  return `customer-${n}@example.com;Ana María;de la Cruz ${n % 1_000};${phone};Cruz & Hijos ${n % 5_000};"${notes}"\n`;
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

async function cleanUp() {
  await killAll();
  await database?.remove();
  rmSync(directory, { recursive: true, force: true });
}
