import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface Program {
  child: ChildProcess;
  /** Everything that it has printed so far. */
  output: () => string;
  /** The parsed lines of its log so far; only in production. */
  lines: () => LogLine[];
  exit: Promise<{ code: number | null; signal: string | null }>;
  /** Resolves to its URL once it listens. */
  address: () => Promise<string>;
  stop: (signal?: NodeJS.Signals) => Promise<{ code: number | null; signal: string | null }>;
}

export type LogLine = Record<string, any> & { severity: string; message: string; time: string };

const running = new Set<ChildProcess>();

/**
 * Lets the permissions of files apply to a superuser as to any owner: it loses its capabilities. As another user it might not
 * be able to read the program.
 */
export const WITHOUT_PRIVILEGES =
  process.getuid?.() === 0 ? ['/usr/bin/setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];

interface ProgramOptions {
  /** A command that starts the program. */
  launcher?: string[];
  node?: string;
  nodeOptions?: string[];
  /** Another build than the one that is tested. */
  main?: string;
}

/** Starts the built program as a separate process, without the environment of the tests. */
export function startProgram(
  env: Record<string, string>,
  cwd: string,
  { launcher = [], node = process.execPath, nodeOptions = [], main = MAIN }: ProgramOptions = {},
): Program {
  const [file, ...args] = [...launcher, node, ...nodeOptions, main];
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const exit = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return { code: code as number | null, signal: signal as string | null };
  });
  const output = (): string => stdout + stderr;
  return {
    child,
    output,
    lines: () => stdout.split('\n').slice(0, -1).map(parseLine),
    exit,
    address: () => {
      const found = until(() => /(?:API:|Listening on) +(http[^\s"]+)/.exec(stdout)?.[1]);
      return Promise.race([found, exit.then(() => Promise.reject(new Error(`It exited: ${output()}`)))]);
    },
    stop: (signal = 'SIGKILL') => {
      child.kill(signal);
      return exit;
    },
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    throw new Error(`Not a log line: ${line}`);
  }
}

/** Kills programs that a failed test left behind; for `afterAll`. */
export function stopPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Polls `read` until it returns a truthy value. */
export async function until<T>(read: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Timed out waiting for ${String(read)}`);
    await sleep(20);
  }
}
