import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';

jest.setTimeout(180_000);

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = (script: string, directory: string) =>
  promisify(execFile)('npm', ['run', '--silent', ...script.split(' ')], { cwd: directory });
const readJson = (path: string) => JSON.parse(readFileSync(`${root}${path}`, 'utf8'));

describe('the package of the typed client', () => {
  it('has the types of the committed OpenAPI', async () => {
    const [, command] = /&& (openapi-typescript .*) -o client\/src\/schema\.ts$/.exec(
      readJson('package.json').scripts['api:built'],
    )!;
    const { stdout } = await promisify(execFile)('npx', command!.split(' '), { cwd: root });
    expect(readFileSync(`${root}client/src/schema.ts`, 'utf8').trim()).toBe(stdout.trim());
  });

  it('uses the same tools as the service', () => {
    const { dependencies, devDependencies } = readJson('client/package.json');
    expect(readJson('package.json').devDependencies).toMatchObject({ ...dependencies, ...devDependencies });
  });

  it('builds one module of at most 25 KB, with types, that its exports name', async () => {
    await run('build', `${root}client`);
    const { exports } = readJson('client/package.json');
    const file = `${root}client/${exports['.'].default}`;
    expect(statSync(file).size).toBeLessThanOrEqual(25_000);
    expect(readFileSync(file, 'utf8')).not.toMatch(/\bimport\b[^.(]*from/);
    expect(readFileSync(`${root}client/${exports['.'].types}`, 'utf8')).toContain('createClient');
    const script = `import { createClient } from '${pathToFileURL(file).href}'; console.log(typeof createClient({ baseUrl: 'http://127.0.0.1' }).pages)`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout.trim()).toBe('function');
  });
});
