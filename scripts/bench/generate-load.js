// Sends one job to one server and prints how it went, as JSON. A process of its own, so that the CPU time of the script
// that starts it does not matter.
//
//   node scripts/bench/generate-load.js '{"url": …, "token": …, "job": …, "rows": …, "cursor": …, "seconds": …}'
import autocannon from 'autocannon';
import { CONNECTIONS, JOBS } from './jobs.js';

/** Requests that each connection repeats. Built in advance: the generator shares its core with the database. */
const READS_PER_CONNECTION = 500;

const target = JSON.parse(process.argv[2]);
const { status, isWrite, request } = JOBS[target.job];
const authorization = `Bearer ${target.token}`;
const next = () => {
  const { headers, ...rest } = request(target);
  return { ...rest, headers: { ...headers, authorization } };
};

const milliseconds = [];
const load = autocannon({
  url: target.url,
  connections: target.connections ?? CONNECTIONS,
  duration: target.seconds,
  sampleInt: 100,
  // no two connections send the same ids in the same order: the service folds reads of one id into one
  setupClient: (client) =>
    client.setRequests(isWrite ? [{ setupRequest: next }] : Array.from({ length: READS_PER_CONNECTION }, next)),
});
load.on('response', (_client, _status, _bytes, duration) => milliseconds.push(duration));
const { statusCodeStats, errors, duration } = await load;

const { [status]: expected, ...others } = statusCodeStats;
const refused = Object.entries(others).map(([code, { count }]) => `${count} responses with status ${code}`);
if (errors > 0) refused.push(`${errors} connection errors or timeouts`);
if (!expected) refused.push('no response at all');

milliseconds.sort((a, b) => a - b);
const percentile = (share) => milliseconds[Math.floor(milliseconds.length * share)];
process.stdout.write(
  JSON.stringify({
    problem: refused.join(', ') || undefined,
    requests: expected?.count ?? 0,
    rate: (expected?.count ?? 0) / duration,
    p50: percentile(0.5),
    p99: percentile(0.99),
  }),
);
