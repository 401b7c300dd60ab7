import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface Program {
  child: ChildProcess;
  /** All that it has printed so far. */
  output: () => string;
  /** The lines of its log so far, of a program in production. */
  lines: () => LogLine[];
  exit: Promise<{ code: number | null; signal: string | null }>;
  /** Where it is, once it says so. */
  address: () => Promise<string>;
  stop: (signal?: NodeJS.Signals) => Promise<{ code: number | null; signal: string | null }>;
}

export type LogLine = Record<string, any> & { severity: string; message: string; time: string };

const running = new Set<ChildProcess>();

/** The program that was built, as a process of its own, with nothing of our environment. */
export function startProgram(env: Record<string, string>, cwd: string, nodeOptions: string[] = []): Program {
  const child = spawn(process.execPath, [...nodeOptions, MAIN], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
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
    lines: () => stdout.split('\n').slice(0, -1).map(parsed),
    exit,
    address: () => {
      const found = until(() => /(?:API:|Listening on) +(http[^\s"]+)/.exec(stdout)?.[1]);
      return Promise.race([found, exit.then(() => Promise.reject(new Error(`It ended: ${output()}`)))]);
    },
    stop: (signal = 'SIGKILL') => {
      child.kill(signal);
      return exit;
    },
  };
}

function parsed(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    throw new Error(`Not a line of the log: ${line}`);
  }
}

/** For `afterAll`: what a test that failed has left. */
export function stopPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** What `read` gives, once it gives something. */
export async function until<T>(read: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`It never came to: ${String(read)}`);
    await sleep(20);
  }
}
