import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareDataDir } from './data-dir.js';
import { createDurableFile } from './durable-file.js';
import { ConfigurationError } from './env.js';

/** RFC 7518, 3.2: a key for HS256 has at least the size of the hash. Also the minimum of `JWT_SECRET`. */
const MIN_BYTES = 32;

/** The embedded database needs no configuration: the service generates the secret once and stores it next to the data. */
export function loadPersistedSecret(directory: string): string {
  const file = join(directory, 'jwt-secret');
  prepareDataDir(directory);
  if (!existsSync(file)) createDurableFile(file, randomBytes(32).toString('hex'));
  const secret = readFileSync(file, 'utf8');
  // A crash or a full disk leaves empty files, or files of zero bytes: everyone could forge tokens with such a secret.
  if (Buffer.byteLength(secret.replace(/[\s\0]/g, '')) < MIN_BYTES)
    throw new ConfigurationError([
      `${file} must contain a secret of at least ${MIN_BYTES} bytes. Restore it from a backup, or delete it: the next ` +
        'start creates a new one, and all users must sign in again',
    ]);
  return secret;
}
