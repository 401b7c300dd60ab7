import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { TERMINAL } from '../support/command.js';

/** A compiler starts, which takes long on a busy machine. */
jest.setTimeout(180_000);

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Containers and CI give programs a terminal of 0 columns. The spinner of Nest's CLI divides by them: it erased lines for
 * ever.
 */
(existsSync(TERMINAL) ? it : it.skip)('builds on a terminal without a size', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-build-'));
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { build: string } };
  // the bundler after it draws nothing
  const [compile] = scripts.build.split(' && ');
  const compilerOptions = { builder: { type: 'swc', options: { filenames: ['src'] } }, typeCheck: true };
  mkdirSync(join(directory, 'src'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const files = {
    'src/main.ts': 'export const answer: number = 42;\n',
    'nest-cli.json': JSON.stringify({ sourceRoot: 'src', compilerOptions }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: { module: 'nodenext', target: 'ES2023', rootDir: '.', outDir: 'dist', types: [] },
      include: ['src'],
    }),
    'package.json': JSON.stringify({ type: 'module' }),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);

  const { CI: _, ...env } = process.env;
  const command = `stty rows 0 cols 0; PATH=${join(root, 'node_modules/.bin')}:$PATH; ${compile}`;
  const options = { cwd: directory, env, timeout: 150_000, killSignal: 'SIGKILL' as const, maxBuffer: 1024 * 1024 };
  const error = await new Promise((resolve) =>
    execFile(TERMINAL, ['-qec', command, '/dev/null'], options, resolve).stdin!.end(),
  );
  expect(error).toBeNull();
  expect(existsSync(join(directory, 'dist/main.js')) || existsSync(join(directory, 'dist/src/main.js'))).toBe(true);
  rmSync(directory, { recursive: true, force: true });
});
