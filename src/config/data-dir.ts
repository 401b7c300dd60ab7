import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigurationError } from './env.js';

/** SQLite's limit on Unix for the path of a file (MAX_PATHNAME, in bytes), less the longest name in the directory. */
const MAX_PATH_BYTES = 512 - 32;
/** Less than an empty database needs: a start on a full disk must not fail half-way. */
const PROBE_BYTES = 64 * 1024;

const REASONS: Record<string, string> = {
  EEXIST: 'must be a directory, and is a file',
  ENOTDIR: 'must be a directory, and is a file or in one',
  EACCES: 'must be writable for the user that runs the service',
  EPERM: 'must be writable for the user that runs the service',
  EROFS: 'must be writable, and is on a read-only file system',
  ENOENT: 'must be a directory that can be created, and not a link to nothing',
  ELOOP: 'must be a directory, and is a link to itself',
  ENAMETOOLONG: 'is too long',
};

/** Creates the directory, readable by its owner only, and verifies that files can be written to it. */
export function prepareDataDir(directory: string): void {
  // a shell would have replaced it; `.env` and container platforms do not
  if (directory.startsWith('~')) throw invalid('must be a path without ~, which only a shell replaces');
  if (Buffer.byteLength(resolve(directory)) > MAX_PATH_BYTES)
    throw invalid(`is too long: its absolute path may have ${MAX_PATH_BYTES} bytes`);
  const probe = join(directory, `probe.${process.pid}`);
  try {
    createDirectory(resolve(directory));
    writeFileSync(probe, Buffer.alloc(PROBE_BYTES), { mode: 0o600 });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (REASONS[code]) throw invalid(REASONS[code]);
    // not a mistake of the configuration: a restart may help
    if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code))
      throw new Error(`No space is left for DATA_DIR (${code}): free disk space, or raise the quota`, { cause: error });
    throw new Error(`DATA_DIR cannot be used: ${code || message}`, { cause: error });
  } finally {
    rmProbe(probe);
  }
}

/** Node's own `recursive` never returns in file systems that refuse every name with ENOENT, such as /proc. */
function createDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error;
    createDirectory(dirname(directory));
    mkdirSync(directory, { mode: 0o700 });
  }
}

function rmProbe(probe: string): void {
  try {
    rmSync(probe, { force: true });
  } catch {
    // the directory does not exist
  }
}

const invalid = (reason: string): ConfigurationError => new ConfigurationError([`DATA_DIR ${reason}`]);
