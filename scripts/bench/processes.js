import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const children = new Set();
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']));

const cores = allowedCores();
export const coreCount = cores.length;
/** Whether the server under test has a core of its own. */
export const isPinned = cores.length > 1 && hasTaskset();
// what this process starts inherits its core: the database, the generator, the reader of the log
if (isPinned) execFileSync('taskset', ['-acp', cores[1], String(process.pid)], { stdio: 'ignore' });

let isEnding = false;

export function launch(command, args, options) {
  if (isEnding) throw new Error('interrupted');
  const child = spawn(command, args, options);
  children.add(child);
  child.once('error', () => children.delete(child)).once('exit', () => children.delete(child));
  return child;
}

/** A Node program on the core of the server under test. */
export function launchServer(args, { node = process.execPath, ...options }) {
  const command = [node, ...args];
  const [first, ...rest] = isPinned ? ['taskset', '-c', cores[0], ...command] : command;
  return launch(first, rest, options);
}

/** Seconds from the call until `url` responds with 200. */
export async function waitUntilReady(child, url) {
  const begin = performance.now();
  while (!(await fetch(url).then(hasSucceeded, () => false))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${url}: the server exited`);
    if (performance.now() - begin > 120_000) throw new Error(`${url}: not ready after 120 s`);
    await sleep(10);
  }
  return (performance.now() - begin) / 1000;
}

export async function stop(child) {
  child.kill('SIGTERM');
  await ended(child);
}

/** For good: nothing can be launched afterwards. */
export async function killAll() {
  isEnding = true;
  for (const child of children) {
    child.kill('SIGKILL');
    await ended(child);
  }
}

/** User and system time of all threads: fields 14 and 15 of /proc/PID/stat. */
export function cpuSeconds({ pid }) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export const residentMiB = ({ pid }) => fromFile(`/proc/${pid}/status`, /^VmRSS:\s+(\d+)/m) / 1024;

export const cpuModel = () => fromFile('/proc/cpuinfo', /^model name\s*:\s*(.*)$/m) ?? 'unknown CPU';

async function hasSucceeded(response) {
  await response.arrayBuffer();
  return response.ok;
}

async function ended(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function hasTaskset() {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Such as `0-1,4`: a container may use only some cores of its machine. */
function allowedCores() {
  const list = fromFile('/proc/self/status', /^Cpus_allowed_list:\s+(.*)$/m) ?? '';
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => String(first + n));
  });
}

function fromFile(path, pattern) {
  return pattern.exec(readFileSync(path, 'utf8'))?.[1];
}
