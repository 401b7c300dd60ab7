import { existsSync } from 'node:fs';
import { hasMariadb, type Mariadb, startMariadb } from './mariadb.js';

/** The paths of common Linux distributions. */
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

declare global {
  var mariadb: Mariadb | undefined;
}

/**
 * Starts a temporary MariaDB for the whole run, unless `TEST_DATABASE_URI` names a server, is empty (to test only on the
 * embedded database), or MariaDB is not installed.
 */
export default async function setup(): Promise<void> {
  findBrowser();
  if (process.env.TEST_DATABASE_URI !== undefined) return;
  if (!hasMariadb()) {
    if (process.env.REQUIRE_MARIADB) throw new Error('mariadbd is not on the PATH, and REQUIRE_MARIADB is set');
    console.warn('\nSkipping tests on MariaDB. To run them, install mariadb-server or set TEST_DATABASE_URI.');
    return;
  }
  globalThis.mariadb = await startMariadb();
  process.env.TEST_DATABASE_URI = globalThis.mariadb.uri;
}

/** Sets `CHROMIUM_PATH` to an installed browser, unless it is set. */
function findBrowser(): void {
  process.env.CHROMIUM_PATH ??= BROWSERS.find((path) => existsSync(path));
  if (process.env.CHROMIUM_PATH) return;
  if (process.env.REQUIRE_CHROMIUM) throw new Error('Chromium is not installed, and REQUIRE_CHROMIUM is set');
  console.warn('\nSkipping the test in a browser. To run it, install chromium or set CHROMIUM_PATH.');
}
