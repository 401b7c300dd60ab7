import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** What is true of the files around the code: a mistake in them would show on a server first. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const manifest = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));
const SOURCES = ['src', 'migrations'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.spec|metadata)\.ts$/.test(file))
    .map((file) => join(folder, file)),
);
const documented = [...read('.env.example').matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);

describe('The pages of the API', () => {
  it('are committed as openapi.json has it; if not, run `npm run docs`', () => {
    const directory = mkdtempSync(join(tmpdir(), 'crm-docs-'));
    execFileSync(process.execPath, ['scripts/write-docs.js', directory], { cwd: ROOT });
    for (const file of ['index.html', 'swagger-ui.css', 'swagger-ui-bundle.js'])
      expect(readFileSync(join(directory, file), 'utf8') === read(`docs/${file}`)).toBe(true);
    rmSync(directory, { recursive: true });
  });
});

describe('The packages', () => {
  it('have exact versions', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });

  it('run an install script only if that is allowed or refused by name', () => {
    const withScript = Object.entries<any>(lock.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(Object.keys(manifest.allowScripts)).toEqual(expect.arrayContaining(withScript));
  });

  it('that the service imports are there in production', () => {
    const imports = SOURCES.flatMap((file) =>
      [...read(file).matchAll(/^(?:import|export)(?! type)[^;]*? from '([^'.][^']*)'/gm)].map(([, name]) => name!),
    );
    const packages = imports.filter((name) => !isBuiltin(name)).map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)![0]);
    expect(packages.length).toBeGreaterThan(0);
    expect(Object.keys(manifest.dependencies)).toEqual(expect.arrayContaining([...new Set(packages)]));
  });
});

describe('What deploys', () => {
  it('sets only variables that the service knows', () => {
    const services = ['docker-compose.yml', 'docker-compose.debug.yml'].map((file) => parse(read(file)).services.api);
    const sets = [parse(read('app.yaml')).env_variables, ...services.map(({ environment }) => environment)];
    for (const set of sets)
      for (const name of Object.keys(set)) expect([name, documented.includes(name)]).toEqual([name, true]);
  });

  it('has no secret in app.yaml, but places for them', () => {
    const { env_variables: variables } = parse(read('app.yaml'));
    for (const name of ['DATABASE_URI', 'JWT_SECRET', 'GOOGLE_CLIENT_SECRET', 'FACEBOOK_CLIENT_SECRET'])
      expect([name, variables[name]]).toEqual([name, expect.stringMatching(/<[^>]+>/)]);
    expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['real_app.yaml', '.env']));
  });

  it('excepts nothing in .dockerignore, whose lines gcloud reads in no order', () => {
    expect(read('.dockerignore')).not.toMatch(/^!/m);
  });
});
