import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram, stopPrograms } from '../support/program.js';
import { ADMIN } from '../support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RECORDER = fileURLToPath(new URL('../support/record-scripts.js', import.meta.url));
/** Each file costs the start up to a millisecond; without the bundle there are 3,000. */
const MAX_FILES = 100;

/** Modules of the bundle that `scripts/bundle.js` makes up. */
const GENERATED = /\/(empty|exports):/;

const packageOf = (path: string): string | undefined => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];

/** What decides how long a start takes, without the time: that depends on the machine. */
describe('A start on the embedded database', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-loading-'));
  /** Paths of the files that Node loaded. */
  let files: string[];
  /** Packages with a module in one of these files. */
  let packages: Set<string | undefined>;

  beforeAll(async () => {
    const scripts = join(directory, 'scripts.json');
    const admin = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };
    const env = { PORT: '0', NODE_ENV: 'production', DRAIN_SECONDS: '0', DATA_DIR: directory, ...admin };
    const program = startProgram({ ...env, LOADED_SCRIPTS: scripts }, directory, {
      nodeOptions: ['--import', RECORDER],
    });
    await program.address();
    await program.stop('SIGTERM');
    files = (JSON.parse(readFileSync(scripts, 'utf8')) as string[]).map((path) => relative(ROOT, path));
    packages = new Set(files.flatMap((file) => [file, ...sourcesOf(file)]).map(packageOf));
  });
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  it('loads few files', () => {
    expect(files).toContain('dist/src/main.js');
    expect(files.length).toBeLessThan(MAX_FILES);
  });

  it('loads the service and its packages from the bundle, and only there', () => {
    expect(files.filter((file) => file.startsWith('dist/') && !/^dist\/src\/(main\.js|bundle\/)/.test(file))).toEqual(
      [],
    );
    expect(packages).toContain('typeorm');
    expect(files.filter((file) => /^(typeorm|class-validator|@nestjs\/.*)$/.test(packageOf(file) ?? ''))).toEqual([]);
  });

  it('maps the bundle to our sources and to the files of packages, for stacks', () => {
    const sources = files.flatMap(sourcesOf);
    expect(sources).toContain(join(ROOT, 'src/serve.ts'));
    expect(sources.filter((path) => !GENERATED.test(path) && !existsSync(path))).toEqual([]);
  });

  it.each([
    'mysql2',
    'sharp',
    'selfsigned',
    'csv-parse',
    'csv-stringify',
    'iconv-lite',
    'commander',
    'swagger-ui-dist',
    '@google-cloud/storage',
    '@opentelemetry/sdk-trace-node',
  ])('does not load %s', (name) => {
    expect(packages).not.toContain(name);
  });
});

/** The paths of the modules in a file of the bundle, which its source map names. */
function sourcesOf(file: string): string[] {
  if (!file.startsWith('dist/')) return [];
  const map = JSON.parse(readFileSync(join(ROOT, `${file}.map`), 'utf8')) as { sources: string[] };
  return map.sources.map((source) => resolve(ROOT, dirname(file), source));
}
