import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProgram, stopPrograms } from '../support/program.js';

const run = promisify(execFile);
const MODULE = new URL('../../dist/src/config/persisted-secret.js', import.meta.url).href;
const PROCESSES = 4;
const DIRECTORIES = 300;

describe('the file of the secret', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-secret-'));
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is never half-written: all processes that start at once read the same secret', async () => {
    // all processes begin at the same time, and each directory is another first start
    const script = `
      const { loadPersistedSecret } = await import('${MODULE}');
      while (Date.now() < ${Date.now() + 1_500});
      const load = (_, index) => loadPersistedSecret('${directory}/start-' + index);
      console.log(JSON.stringify(Array.from({ length: ${DIRECTORIES} }, load)));`;
    const start = () => run(process.execPath, ['--input-type=module', '--eval', script]);
    const outputs = await Promise.all(Array.from({ length: PROCESSES }, start));
    const [first, ...others] = outputs.map(({ stdout }) => JSON.parse(stdout) as string[]);
    expect(new Set(first).size).toBe(DIRECTORIES);
    for (const other of others) expect(other).toEqual(first);
  });

  it('does not exist after a start that could not write it, and the next start succeeds', async () => {
    const data = join(directory, 'full');
    const script = `(await import('${MODULE}')).loadPersistedSecret('${data}')`;
    const node = [process.execPath, '--input-type=module', '--eval', script];
    // a limit of 0 bytes per file fails every write, as a full disk does
    await expect(run('sh', ['-c', 'ulimit -f 0; exec "$@"', 'sh', ...node])).rejects.toThrow('EFBIG');
    expect(existsSync(data) && readdirSync(data)).toEqual([]);
    await run(node[0]!, node.slice(1));
    expect(readdirSync(data)).toEqual(['jwt-secret']);
  });

  it('ends the start with 78 and says what to do if it is empty', async () => {
    const file = join(directory, 'jwt-secret');
    writeFileSync(file, '');
    const program = startProgram({ PORT: '0', DATA_DIR: directory }, directory);
    expect(await program.exit).toEqual({ code: 78, signal: null });
    expect(program.output()).toContain(`${file} must contain a secret of at least 32 bytes. Restore it`);
  });
});
