import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** Checks the files around the code: a mistake in them would show only on a server, or for the next developer. */
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

describe('The API reference that `npm run docs` writes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-docs-'));
  const written = (file: string): string => readFileSync(join(directory, file), 'utf8');
  beforeAll(() => execFileSync(process.execPath, ['scripts/write-docs.js', directory], { cwd: ROOT }));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('holds the document of openapi.json', () => {
    const [, document = ''] = /\bspec: (\{.*\}) \}\);\n<\/script>/s.exec(written('index.html'))!;
    expect(JSON.parse(document)).toEqual(JSON.parse(read('openapi.json')));
  });

  it('works offline: pages load only files that are written beside them', () => {
    const [page = ''] = written('index.html').split('spec:');
    const loaded = [...page.matchAll(/ (?:src|href)="([^"]*)"/g)].map(([, file]) => file);
    expect(loaded.sort()).toEqual(['swagger-ui-bundle.js', 'swagger-ui.css']);
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(loaded));
    expect(written('swagger-ui.css')).not.toMatch(/@import|url\(["']?(?!["']?data:)/);
  });

  it('is not committed', () => {
    expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['docs/index.html', 'docs/swagger-ui*']));
  });
});

describe('The packages', () => {
  it('have exact versions', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });

  it('name every package with an install script as allowed or refused', () => {
    const withScript = Object.entries<any>(lock.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(Object.keys(manifest.allowScripts)).toEqual(expect.arrayContaining(withScript));
  });

  it('include in production every package that the service imports', () => {
    const imports = SOURCES.flatMap((file) =>
      [...read(file).matchAll(/^(?:import|export)(?! type)[^;]*? from '([^'.][^']*)'/gm)].map(([, name]) => name!),
    );
    const packages = imports.filter((name) => !isBuiltin(name)).map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)![0]);
    expect(packages.length).toBeGreaterThan(0);
    expect(Object.keys(manifest.dependencies)).toEqual(expect.arrayContaining([...new Set(packages)]));
  });
});

describe('The deployment files', () => {
  it('set only variables that the service reads', () => {
    const services = ['docker-compose.yml', 'docker-compose.debug.yml'].map((file) => parse(read(file)).services.api);
    const sets = [parse(read('app.yaml')).env_variables, ...services.map(({ environment }) => environment)];
    for (const set of sets)
      for (const name of Object.keys(set)) expect([name, documented.includes(name)]).toEqual([name, true]);
  });

  it('have placeholders instead of secrets in app.yaml', () => {
    const { env_variables: variables } = parse(read('app.yaml'));
    for (const name of ['DATABASE_URI', 'JWT_SECRET', 'GOOGLE_CLIENT_SECRET', 'FACEBOOK_CLIENT_SECRET'])
      expect([name, variables[name]]).toEqual([name, expect.stringMatching(/<[^>]+>/)]);
    expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['real_app.yaml', '.env']));
  });

  it('have no exception in .dockerignore, because gcloud applies its lines in no defined order', () => {
    expect(read('.dockerignore')).not.toMatch(/^!/m);
  });
});

describe('The Node version', () => {
  it('of .nvmrc is that of the containers', () => {
    const version = read('.nvmrc').trim();
    expect([...read('Dockerfile').matchAll(/^FROM node:(\d+)/gm)].map(([, major]) => major)).toEqual([
      version,
      version,
    ]);
    expect(JSON.parse(read('.devcontainer/devcontainer.json')).image).toBe(`node:${version}`);
  });

  it('range that package.json supports starts with the oldest one that CI checks', () => {
    const { node } = parse(read('.github/workflows/ci.yml')).jobs.check.strategy.matrix;
    expect(manifest.engines.node).toMatch(new RegExp(`^>=${node[0]}\\.`));
    expect(node).toContain(Number(read('.nvmrc')));
  });
});
