// Builds the service unless `dist` is a build of the same sources; run before a start and before a command.
//   node scripts/ensure-built.js           build if anything changed
//   node scripts/ensure-built.js --mark    after a build: record the sources it was made of
// Its syntax and imports are those of old Node versions too, so that they get a sentence instead of a stack.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['src', 'migrations', 'scripts/bundle.js', 'nest-cli.json', 'tsconfig.json', 'package-lock.json'];
/** Written by the build itself. */
const GENERATED = join('src', 'metadata.ts');
const MARK = join('dist', '.built-from');

refuseOldNode();
if (process.argv[2] === '--mark') mark();
else if (readMark() !== hashSources()) build();

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`crm-service needs Node 20.19 or later; this is Node ${process.versions.node}.`);
  process.exit(1);
}

function mark() {
  mkdirSync('dist', { recursive: true });
  writeFileSync(MARK, hashSources());
}

function readMark() {
  try {
    return readFileSync(MARK, 'utf8');
  } catch {
    return '';
  }
}

function hashSources() {
  const hash = createHash('sha256');
  for (const path of SOURCES.flatMap(listFiles)) {
    if (path === GENERATED || path.endsWith('.spec.ts')) continue;
    const content = readFileSync(path);
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

function listFiles(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => listFiles(join(path, name)));
}

/** The build prints to standard error: the output of a command may go to a file. */
function build() {
  console.error('Building: the sources changed since the last build.');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
