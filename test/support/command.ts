import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const COMMAND = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command as an operator runs it: somewhere without a `.env`, and with nothing of our own environment. */
export function run(cwd: string, args: string[], env: Record<string, string> = {}, input = ''): Promise<Outcome> {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd, env });
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (outcome.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (outcome.stderr += String(chunk)));
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...outcome, code })));
}

/** Where there is `script`, as in Debian's bsdutils: it gives a program a terminal. */
export const TERMINAL = '/usr/bin/script';

/** On a terminal, where each answer is typed once its question is there. */
export function runOnTerminal(
  cwd: string,
  args: string[],
  env: Record<string, string>,
  answers: Array<[question: string, typed: string]>,
): Promise<Pick<Outcome, 'code' | 'stdout'>> {
  const command = [process.execPath, COMMAND, ...args].map((part) => `'${part}'`).join(' ');
  const child = spawn(TERMINAL, ['-qec', command, '/dev/null'], { cwd, env });
  let stdout = '';
  const left = [...answers];
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
    if (left[0] && stdout.includes(left[0][0])) child.stdin.write(left.shift()![1]);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout })));
}
