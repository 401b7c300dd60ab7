import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * ARCHITECTURE.md draws the folders of src in layers, from top to bottom. An import may go to a lower layer, or
 * along the arrows within its layer. Type-only imports count: they couple two folders as well.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FILES = readdirSync(posix.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter(
  (file) => /(?<!\.spec)\.ts$/.test(file) && file !== 'metadata.ts',
);
const sourceOf = (file: string): string => readFileSync(posix.join(ROOT, 'src', file), 'utf8');
/** The top-level folder, or the name of a file that stands beside the folders. */
const folderOf = (file: string): string => file.split('/')[0]!.replace(/\.ts$/, '');

interface Import {
  file: string;
  /** The path of a file below src, or the name of a package. */
  target: string;
}

/** Static and dynamic imports, exports from other files and `import('…')` types. */
const IMPORTS: Import[] = FILES.flatMap((file) =>
  ts
    .preProcessFile(sourceOf(file), true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .map((name) => ({ file, target: name.startsWith('.') ? posix.join(posix.dirname(file), name) : name })),
);
const BETWEEN_FOLDERS = IMPORTS.map(({ file, target }) => ({
  file,
  from: folderOf(file),
  to: folderOf(target.replace(/\.js$/, '')),
})).filter(({ from, to }) => from !== to && FILES.some((file) => folderOf(file) === to));
const FOLDERS = [...new Set(FILES.map(folderOf))].sort();

type Arrow = [from: string, to: string];

interface Diagram {
  /** The folders of each layer, the top layer first. */
  layers: string[][];
  /** The arrows within layers. */
  arrows: Arrow[];
}

/**
 * Reads a `flowchart TD` whose layers are subgraphs in order, with folders and arrows (`a --> b & c --> d`) on their
 * lines. The line below them chains the layers for the reader.
 */
function readDiagram(): Diagram {
  const [, block = ''] =
    /```mermaid\n(flowchart TD\n[^]*?)```/.exec(readFileSync(posix.join(ROOT, 'ARCHITECTURE.md'), 'utf8')) ?? [];
  const subgraphs = [...block.matchAll(/^ {2}subgraph .*\n([^]*?)^ {2}end$/gm)];
  const layers: string[][] = [];
  const arrows: Arrow[] = [];
  for (const [, lines = ''] of subgraphs) {
    const layer = new Set<string>();
    for (const line of lines.trim().split('\n')) {
      const steps = line.split(/\s*-->\s*/).map((step) => step.split('&').map((folder) => folder.trim()));
      for (const folder of steps.flat()) layer.add(folder);
      for (const [index, sources] of steps.slice(0, -1).entries())
        for (const source of sources) for (const target of steps[index + 1]!) arrows.push([source, target]);
    }
    layers.push([...layer]);
  }
  return { layers, arrows };
}

const leadsTo = (from: string, to: string, arrows: Arrow[]): boolean =>
  arrows.some(([source, target]) => source === from && (target === to || leadsTo(target, to, arrows)));

describe('The folders of src', () => {
  const { layers, arrows } = readDiagram();
  const layerOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder));

  it('do not import each other in a circle', () => {
    let left = FOLDERS;
    let previous: string[];
    // a folder that imports no remaining folder cannot be part of a circle
    do {
      previous = left;
      left = left.filter((folder) => BETWEEN_FOLDERS.some(({ from, to }) => from === folder && previous.includes(to)));
    } while (left.length < previous.length);
    expect(BETWEEN_FOLDERS.filter(({ from, to }) => left.includes(from) && left.includes(to))).toEqual([]);
  });

  it('are at most two levels deep', () => {
    expect(FILES.filter((file) => file.split('/').length > 3)).toEqual([]);
  });

  it('each occur once in the diagram of ARCHITECTURE.md', () => {
    expect(layers.flat().sort()).toEqual(FOLDERS);
  });

  it('import only lower layers, or along the arrows within a layer', () => {
    const upwards = BETWEEN_FOLDERS.filter(({ from, to }) => {
      const distance = layerOf(to) - layerOf(from);
      return distance < 0 || (distance === 0 && !leadsTo(from, to, arrows));
    });
    expect(upwards).toEqual([]);
  });

  it('import each other wherever the diagram has an arrow', () => {
    const unused = arrows.filter(([from, to]) => !BETWEEN_FOLDERS.some((edge) => edge.from === from && edge.to === to));
    expect(unused).toEqual([]);
  });
});

/** `driver.pool` and `{ pool } = driver`, on one line. */
const POOL_ACCESS = /\bdriver\b.*\bpool\b|\bpool\b.*\bdriver\b/;

describe('The database driver', () => {
  it('is imported by src/database only', () => {
    const users = IMPORTS.filter(({ target }) => /^mysql2(\/|$)/.test(target)).map(({ file }) => file);
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((file) => folderOf(file) !== 'database')).toEqual([]);
  });

  it('hands out its pool to src/database only', () => {
    const users = FILES.filter((file) => POOL_ACCESS.test(sourceOf(file)));
    expect(users.filter((file) => folderOf(file) !== 'database')).toEqual([]);
  });
});
