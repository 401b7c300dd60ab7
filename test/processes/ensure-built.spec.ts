import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/ensure-built.js', import.meta.url));

/** A project whose build counts how often it ran. */
describe('ensure-built', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-ensure-built-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const run = (...args: string[]): string =>
    execFileSync(process.execPath, ['scripts/ensure-built.js', ...args], { cwd: directory, encoding: 'utf8' });
  const builds = (): number =>
    existsSync(join(directory, 'builds')) ? readFileSync(join(directory, 'builds'), 'utf8').length : 0;

  beforeAll(() => {
    for (const folder of ['scripts', 'src', 'migrations']) mkdirSync(join(directory, folder));
    cpSync(script, join(directory, 'scripts/ensure-built.js'));
    const build = `mkdir -p dist && printf x >> builds && echo built && touch src/metadata.ts`;
    const scripts = { build, postbuild: 'node scripts/ensure-built.js --mark' };
    const files = {
      'package.json': JSON.stringify({ type: 'module', scripts }),
      'package-lock.json': '{}',
      'nest-cli.json': '{}',
      'tsconfig.json': '{}',
      'scripts/bundle.js': '',
      'src/main.ts': 'one',
      'migrations/index.ts': '',
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  });

  it('builds once, and prints nothing to standard output, which belongs to the command that follows', () => {
    expect(run()).toBe('');
    expect(builds()).toBe(1);
    expect(run()).toBe('');
    expect(builds()).toBe(1);
  });

  it.each([
    ['changed', 'src/main.ts', 'two'],
    ['added', 'src/added.ts', ''],
    ['changed, of the packages', 'package-lock.json', '{ }'],
    ['changed, of the build itself', 'scripts/bundle.js', '//'],
  ])('builds again after a file was %s', (_, name, content) => {
    const before = builds();
    writeFileSync(join(directory, name), content);
    run();
    run();
    expect(builds()).toBe(before + 1);
  });

  it('builds again after a file was removed, or without a build', () => {
    const before = builds();
    rmSync(join(directory, 'src/added.ts'));
    run();
    rmSync(join(directory, 'dist'), { recursive: true });
    run();
    expect(builds()).toBe(before + 2);
  });

  it('does not build for a test that changed', () => {
    const before = builds();
    writeFileSync(join(directory, 'src/main.spec.ts'), '');
    run();
    expect(builds()).toBe(before);
  });

  it('stops the command if the build fails', () => {
    writeFileSync(join(directory, 'src/main.ts'), 'three');
    rmSync(join(directory, 'dist'), { recursive: true });
    writeFileSync(join(directory, 'dist'), 'not a directory');
    expect(() => run()).toThrow();
    rmSync(join(directory, 'dist'));
  });
});
