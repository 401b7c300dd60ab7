import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { major, satisfies } from 'semver';
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
    const [, document = ''] = /\bspec: (\{.*\}) \}\);\n/s.exec(written('index.html'))!;
    expect(JSON.parse(document)).toEqual(JSON.parse(read('openapi.json')));
  });

  it('works offline: pages load and link only what is written beside them', () => {
    const pages = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.html'),
    );
    expect(pages).toEqual(
      expect.arrayContaining(['index.html', 'changes-feed.html', join('guides', 'quick-start.html')]),
    );
    for (const page of pages) {
      const [html = ''] = written(page).split('spec:');
      const local = [...html.matchAll(/ (?:src|href)="(?!https:)([^"#]*)/g)].map(([, file]) => join(page, '..', file!));
      expect(local.length).toBeGreaterThan(5);
      for (const file of local) expect([file, existsSync(join(directory, file))]).toEqual([file, true]);
      expect(html).not.toMatch(/<(?:script|link|img)[^>]*(?:src|href)="https?:/);
    }
    expect(written('swagger-ui.css')).not.toMatch(/@import|url\(["']?(?!["']?data:)/);
  });

  it('is not committed', () => {
    expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['docs/**/*.html', 'docs/swagger-ui*']));
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
    const run = parse(read('deploy/cloud-run/service.yaml')).spec.template.spec.containers[0].env;
    const sets = [
      parse(read('app.yaml')).env_variables,
      ...services.map(({ environment }) => environment),
      parse(read('deploy/kubernetes/config.yaml')).data,
      parse(read('deploy/kubernetes/secret.example.yaml')).stringData,
      Object.fromEntries(run.map(({ name }: { name: string }) => [name, ''])),
    ];
    for (const set of sets)
      for (const name of Object.keys(set)) expect([name, documented.includes(name)]).toEqual([name, true]);
  });

  it('have placeholders instead of secrets in app.yaml', () => {
    const { env_variables: variables } = parse(read('app.yaml'));
    for (const name of ['DATABASE_URI', 'JWT_SECRET', 'GOOGLE_CLIENT_SECRET', 'FACEBOOK_CLIENT_SECRET'])
      expect([name, variables[name]]).toEqual([name, expect.stringMatching(/<[^>]+>/)]);
    expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['real_app.yaml', '.env']));
  });

  it('have no secret in the manifests of Kubernetes and Cloud Run', () => {
    const { stringData } = parse(read('deploy/kubernetes/secret.example.yaml'));
    for (const [name, value] of Object.entries(stringData))
      expect([name, value]).toEqual([name, expect.stringMatching(/<[^>]+>/)]);
    for (const name of ['DATABASE_URI', 'JWT_SECRET', 'GOOGLE_CLIENT_SECRET', 'FACEBOOK_CLIENT_SECRET'])
      expect(parse(read('deploy/kubernetes/config.yaml')).data).not.toHaveProperty(name);
    expect(read('.gitignore').split('\n')).toContain('deploy/kubernetes/secret.yaml');
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

  const oldest = [...(manifest.engines.node as string).matchAll(/\d+\.\d+\.\d+/g)].map(String);

  it('ranges that package.json supports are those that CI checks', () => {
    const { node } = parse(read('.github/workflows/ci.yml')).jobs.check.strategy.matrix;
    expect(oldest.map((version) => major(version))).toEqual(node);
    expect(node).toContain(Number(read('.nvmrc')));
  });

  it('ranges are those of every package, so that `npm ci` warns of none', () => {
    const refused = Object.entries<any>(lock.packages).filter(
      ([, { engines, os }]) => !os && engines?.node && !oldest.every((version) => satisfies(version, engines.node)),
    );
    expect(refused.map(([path]) => path)).toEqual([]);
  });
});

describe('The everyday tests', () => {
  it('are the files of `test`: imported together, or named by the command as they need no service', () => {
    const specs = readdirSync(join(ROOT, 'test')).filter((file) => file.endsWith('.spec.ts'));
    const together = readdirSync(join(ROOT, 'test/everyday')).flatMap((file) =>
      [...read(`test/everyday/${file}`).matchAll(/'\.\.\/(.*)\.js'/g)].map(([, spec]) => `${spec}.ts`),
    );
    const [, named = ''] = /test\/\(([^)]*)\)/.exec(manifest.scripts['test:quick:built'])!;
    expect([...together, ...named.split('|').map((name) => `${name}.spec.ts`)].sort()).toEqual(specs.sort());
  });
});
