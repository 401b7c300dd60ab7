import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { prepareDataDir } from '../config/data-dir.js';
import { databaseErrorKind } from './database-errors.js';

/** Kept from garbage collection, which would release it. */
const held: unknown[] = [];

/**
 * Reserves the directory for this process, for as long as it lives: two processes on one embedded database would each
 * have their own sign-in limits and counters. A lock of the operating system, which also ends with a killed process.
 * Operator commands do not take it: they may run beside the service.
 */
export function reserveDataDir(directory: string): void {
  prepareDataDir(directory);
  const path = join(directory, 'service.lock');
  closeSync(openSync(path, 'a', 0o600));
  const file = new Libsql(path);
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (databaseErrorKind(error) !== 'conflict') throw error;
    throw new Error(
      'DATA_DIR is in use by another process of the service: stop that process, or set another DATA_DIR. Several ' +
        'processes need DATABASE_URI',
      { cause: error },
    );
  }
  held.push(file);
}
