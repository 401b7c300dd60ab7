import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CONNECTIONS, JOBS } from './jobs.js';
import { cpuSeconds, launch } from './processes.js';

const GENERATOR = fileURLToPath(new URL('generate-load.js', import.meta.url));
const WARM_UP_SECONDS = 2;

/** Runs jobs against both servers and checks that every response of a write stands for a committed write. */
export class Measurement {
  acknowledged = 0;
  brokenOff = 0;

  constructor(database, { rows, rounds, seconds }) {
    Object.assign(this, { database, rows, rounds, seconds });
  }

  /** Rounds of both servers in turn, so that a change of the machine's speed meets both. */
  async run(job, service, bare) {
    for (const server of [bare, service]) await this.load(job, server, Math.min(WARM_UP_SECONDS, this.seconds));
    const results = [];
    for (let round = 0; round < this.rounds; round++) {
      const ofBare = await this.load(job, bare, this.seconds);
      const ofService = await this.load(job, service, this.seconds);
      results.push({ bare: ofBare, service: ofService, ratio: ofService.cpu / ofBare.cpu });
    }
    const medians = (name) =>
      Object.fromEntries(
        Object.keys(results[0][name]).map((figure) => [figure, median(results.map((result) => result[name][figure]))]),
      );
    const ratio = median(results.map((result) => result.ratio));
    return { ratio, bare: medians('bare'), service: medians('service') };
  }

  async load(job, server, seconds) {
    const { name, url, token, cursor } = server;
    const { title, isWrite } = JOBS[job];
    if (isWrite) this.before ??= await this.database.countWrites();
    const spec = JSON.stringify({ url, token, job, cursor, rows: this.rows, seconds });
    const cpuBefore = cpuSeconds(server.process);
    const generator = launch(process.execPath, [GENERATOR, spec], { stdio: ['ignore', 'pipe', 'inherit'] });
    const output = await text(generator.stdout);
    const cpu = (cpuSeconds(server.process) - cpuBefore) * 1e6;
    const { problem, requests, rate, p50, p99 } = output ? JSON.parse(output) : { problem: 'the generator failed' };
    if (problem) throw new Error(`${title}, ${name}: ${problem}`);
    if (isWrite) await this.expectWrites(requests);
    return { cpu: cpu / requests, rate, p50, p99, busy: ((cpu / requests) * rate) / 1e6 };
  }

  /** Over all runs: what the generator breaks off at the end of one may be committed during the next. */
  async expectWrites(requests) {
    this.acknowledged += requests;
    this.brokenOff += CONNECTIONS;
    const written = (await this.database.countWrites()) - this.before;
    if (written < this.acknowledged || written > this.acknowledged + this.brokenOff)
      throw new Error(`${written} writes for ${this.acknowledged} responses, ${this.brokenOff} requests broken off`);
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
