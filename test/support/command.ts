import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const COMMAND = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command as an operator does: in a directory without `.env`, and without the environment of the tests. */
export function runCommand(
  cwd: string,
  args: string[],
  env: Record<string, string> = {},
  input = '',
): Promise<CommandResult> {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd, env });
  const result: CommandResult = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (result.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (result.stderr += String(chunk)));
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...result, code })));
}

/** The path of `script` (Debian's bsdutils), which gives a program a terminal. */
export const TERMINAL = '/usr/bin/script';

/** Runs the command on a terminal and types each reply once its prompt appears. */
export function runOnTerminal(
  cwd: string,
  args: string[],
  env: Record<string, string>,
  replies: Array<[prompt: string, typed: string]>,
): Promise<Pick<CommandResult, 'code' | 'stdout'>> {
  const command = [process.execPath, COMMAND, ...args].map((part) => `'${part}'`).join(' ');
  const child = spawn(TERMINAL, ['-qec', command, '/dev/null'], { cwd, env });
  let stdout = '';
  const remaining = [...replies];
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
    if (remaining[0] && stdout.includes(remaining[0][0])) child.stdin.write(remaining.shift()![1]);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout })));
}
