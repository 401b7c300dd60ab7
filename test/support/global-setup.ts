import { existsSync } from 'node:fs';
import { hasMariadb, type Mariadb, startMariadb } from './mariadb.js';

/** Where Debian and its like install one. */
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

declare global {
  var mariadb: Mariadb | undefined;
}

/**
 * A throw-away MariaDB for the whole run, unless `TEST_DATABASE_URI` names a server, is empty (for a quick run on the
 * embedded database alone), or there is none to start.
 */
export default async function setup(): Promise<void> {
  findBrowser();
  if (process.env.TEST_DATABASE_URI !== undefined) return;
  if (!hasMariadb()) {
    if (process.env.REQUIRE_MARIADB) throw new Error('mariadbd is not on the PATH, and REQUIRE_MARIADB is set');
    console.warn('\nNot run: the tests on MariaDB. Install mariadb-server, or set TEST_DATABASE_URI, to run them.');
    return;
  }
  globalThis.mariadb = await startMariadb();
  process.env.TEST_DATABASE_URI = globalThis.mariadb.uri;
}

/** Sets `CHROMIUM_PATH`, unless it is set. */
function findBrowser(): void {
  process.env.CHROMIUM_PATH ??= BROWSERS.find((path) => existsSync(path));
  if (process.env.CHROMIUM_PATH) return;
  if (process.env.REQUIRE_CHROMIUM) throw new Error('There is no Chromium, and REQUIRE_CHROMIUM is set');
  console.warn('\nNot run: the test in a browser. Install chromium, or set CHROMIUM_PATH, to run it.');
}
