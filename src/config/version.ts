import { existsSync, readFileSync } from 'node:fs';

/** Beside `src`, and beside `dist`, where the build puts this file one level deeper. */
const manifest = ['../../package.json', '../../../package.json']
  .map((path) => new URL(path, import.meta.url))
  .find(existsSync)!;

export const { name: NAME, version: VERSION } = JSON.parse(readFileSync(manifest, 'utf8')) as {
  name: string;
  version: string;
};
