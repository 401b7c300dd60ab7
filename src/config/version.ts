import { existsSync, readFileSync } from 'node:fs';

/** The build output, `dist/src`, is one level deeper than `src`. */
const manifest = ['../../package.json', '../../../package.json']
  .map((path) => new URL(path, import.meta.url))
  .find(existsSync)!;

export const { name: NAME, version: VERSION } = JSON.parse(readFileSync(manifest, 'utf8')) as {
  name: string;
  version: string;
};
