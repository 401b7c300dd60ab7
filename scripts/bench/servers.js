import { execFileSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/mariadb.js';
import { launch, launchServer, waitUntilReady } from './processes.js';

const BARE_SERVER = fileURLToPath(new URL('bare-server.js', import.meta.url));
const ADMIN = { email: 'bench@example.com', password: 'correct horse battery' };

/** The log goes through a pipe to another process, as in a container. Returns the end to write to. */
export function openLogPipe(directory) {
  const path = join(directory, 'log');
  execFileSync('mkfifo', [path]);
  launch('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] });
  return openSync(path, 'w');
}

/** The service as in production. `startSeconds` is the time until it is ready. */
export async function startService(dist, databaseUri, directory, logPipe, node) {
  const server = await address('service');
  const begin = performance.now();
  server.process = launchServer(['--enable-source-maps', join(dist, 'src/main.js')], {
    node,
    // a build finds its package.json there
    cwd: dirname(dist),
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: server.port,
      DATABASE_URI: databaseUri,
      DATABASE_POOL: '10',
      DATA_DIR: directory,
      DRAIN_SECONDS: '0',
      LOG_LEVEL: 'info',
      WEB_CONCURRENCY: '1',
      // an empty variable is unset, whatever `.env` says
      METRICS_PORT: '',
      TLS: '',
      JWT_SECRET: 'the secret of the benchmark - long enough',
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    },
    stdio: ['ignore', logPipe, 'inherit'],
  });
  await waitUntilReady(server.process, `${server.url}/readyz`);
  return { ...server, startSeconds: (performance.now() - begin) / 1000 };
}

export async function startBare(databaseUri, actorId, hasState, hasKeys, node) {
  const server = await address('bare');
  server.process = launchServer([BARE_SERVER], {
    node,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: server.port,
      DATABASE_URI: databaseUri,
      ACTOR_ID: String(actorId),
      HAS_STATE: String(hasState),
      HAS_KEYS: String(hasKeys),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitUntilReady(server.process, `${server.url}/customers/1`);
  return server;
}

/** The bare server gets the same headers and ignores them. */
export async function signIn(service, bare) {
  const response = await fetch(`${service.url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ADMIN),
  });
  if (!response.ok) throw new Error(`POST /login: ${response.status} ${await response.text()}`);
  service.token = bare.token = (await response.json()).accessToken;
}

async function address(name) {
  const port = String(await freePort());
  return { name, port, url: `http://127.0.0.1:${port}` };
}
