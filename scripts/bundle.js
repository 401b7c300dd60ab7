// Joins the built service, its command line and the packages that they use into a few files: most of a start was the
// search for 3,000 files. It replaces the two entry points in `dist`. The other modules stay there, for the processes
// that decode photos and for tools.
import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const SOURCE = resolve('dist/src');

/** They load native code, read files beside them, or are loaded on demand only. */
const SEPARATE = [
  '@google-cloud/storage',
  '@node-rs/argon2',
  '@opentelemetry/core',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-node',
  'libsql',
  'pino-pretty',
  'reflect-metadata',
  'selfsigned',
  'sharp',
  'swagger-ui-dist',
];

/** Decorators need reflect-metadata before any of them runs; CommonJS packages need `require`. */
const BANNER = `import 'reflect-metadata';
import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);`;

/** A plugin of esbuild that changes the code of some modules. */
const rewrite = (filter, change) => ({
  name: change.name,
  setup: ({ onLoad }) =>
    onLoad({ filter, namespace: 'file' }, async ({ path }) => ({
      contents: change(await readFile(path, 'utf8'), path),
    })),
});

/** Our modules find files beside themselves, not beside the bundle. */
function keepUrl(code, path) {
  const url = `import.meta.url.replace(/(.*\\/dist\\/src\\/).*/, '$1${relative(SOURCE, path)}')`;
  return code.replaceAll('import.meta.url', url);
}

/** The name of the generated file is a constant in the source, for `tsc`; esbuild only follows literal names. */
const importMetadata = (code) => code.replace('import(METADATA)', `import('../metadata.js')`);

/** `metadata.js` imports dynamically what is loaded anyway; each such import would cut the bundle into more files. */
function importStatically(code) {
  const imports = [];
  const body = code.replace(/import\("(.+?)"\)/g, (_, path) => {
    imports.push(`import * as module${imports.length} from '${path}';`);
    return `module${imports.length - 1}`;
  });
  return [...imports, body].join('\n');
}

/** With a `require` of their own, which esbuild does not see, these would load typeorm and class-validator again. */
const useCommonRequire = (code) => code.replace('const require = createRequire(import.meta.url);', '');

/** Stacks name the files of packages that are there: maps of packages name sources that are not, as if they were ours. */
const withoutMap = (code) => code.replace(/^\/\/# sourceMappingURL=.*/m, '');

/** Drivers of databases that the service does not support, and what TypeORM would load beside the driver it gets from us. */
const leaveOutDrivers = {
  name: 'leaveOutDrivers',
  setup({ onLoad, onResolve }) {
    const isFactory = (file) => file.endsWith('/typeorm/driver/DriverFactory.js');
    onResolve({ filter: /^\.\/[a-z-]+\/\w+Driver$/ }, ({ importer, path }) =>
      isFactory(importer) && !/^\.\/(better-sqlite3|mysql)\//.test(path) ? { path, namespace: 'empty' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: '' }));
    onResolve({ filter: /^mysql2$/ }, ({ importer, path }) =>
      importer.endsWith('/typeorm/platform/PlatformTools.js') ? { path, external: true } : undefined,
    );
  },
};

/**
 * Optional packages that are not installed stay imports: their users expect that they may be missing. Packages that are
 * imported dynamically keep their named exports: of CommonJS, esbuild would only export the default.
 */
const resolvePackages = {
  name: 'resolvePackages',
  setup({ onLoad, onResolve, resolve: find }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === resolvePackages) return undefined;
      const { errors, ...found } = await find(path, { ...options, pluginData: resolvePackages });
      if (errors.length > 0) return { path, external: true };
      const isLoadedLater = options.kind === 'dynamic-import' && !found.external;
      return isLoadedLater ? { path: found.path, namespace: 'exports' } : found;
    });
    onLoad({ filter: /.*/, namespace: 'exports' }, async ({ path }) => {
      const names = Object.keys(await import(pathToFileURL(path))).filter((name) => /^[\w$]+$/.test(name));
      return { contents: `export { ${names.join()} } from ${JSON.stringify(path)}`, resolveDir: dirname(path) };
    });
  },
};

await build({
  entryPoints: [`${SOURCE}/main.js`, `${SOURCE}/cli/main.js`],
  outdir: SOURCE,
  chunkNames: 'bundle/[name]-[hash]',
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: SEPARATE,
  banner: { js: BANNER },
  plugins: [
    rewrite(/\/dist\/src\/openapi\/document\.js$/, importMetadata),
    rewrite(/\/dist\/src\/metadata\.js$/, importStatically),
    rewrite(/\/dist\/src\/.*\.js$/, keepUrl),
    rewrite(/\/@nestjs\/(mapped-types|typeorm)\/.*\.js$/, useCommonRequire),
    rewrite(/\/node_modules\/.*\.[cm]?js$/, withoutMap),
    leaveOutDrivers,
    resolvePackages,
  ],
  // names of classes are part of the log, the OpenAPI and messages
  keepNames: true,
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'linked',
  logLevel: 'warning',
});
