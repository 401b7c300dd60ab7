// Generates clients from openapi.json with the generators that frontends use, compiles them under strict TypeScript,
// and lets them work with the built service. They are heavy, so they are no dependencies: installed in a temporary
// folder, with exact versions. Usage: npm run build && node scripts/check-generators.js
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';

const PROGRAMS = ['openapi-typescript', 'hey-api', 'orval'];
const folder = mkdtempSync(join(tmpdir(), 'crm-generators-'));
const credentials = { email: 'admin@example.com', password: 'correct horse battery' };
const main = resolve('dist/src/main.js');

cpSync('test/generators', folder, { recursive: true });
cpSync('openapi.json', join(folder, 'openapi.json'));
const photo = join(folder, 'photo.jpg');
writeFileSync(
  photo,
  await sharp({ create: { width: 60, height: 40, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer(),
);

const service = spawn(process.execPath, [main], {
  cwd: folder,
  env: {
    PATH: process.env.PATH,
    PORT: '0',
    DATA_DIR: join(folder, 'data'),
    ADMIN_EMAIL: credentials.email,
    ADMIN_PASSWORD: credentials.password,
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const env = {
    ...process.env,
    CRM_URL: await addressOf(service),
    CRM_EMAIL: credentials.email,
    CRM_PASSWORD: credentials.password,
    CRM_PHOTO: photo,
  };
  const run = (command, args) => execFileSync(command, args, { cwd: folder, env, stdio: 'inherit' });
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts']);
  run('npm', ['run', 'generate']);
  run('npm', ['run', 'compile']);
  for (const program of PROGRAMS) {
    // orval brings esbuild
    run('npx', ['esbuild', `${program}.ts`, '--bundle', '--platform=node', '--format=esm', `--outfile=${program}.mjs`]);
    run(process.execPath, [`${program}.mjs`]);
    console.log(`${program}: the client compiles and works`);
  }
} finally {
  service.kill();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function addressOf({ stdout }) {
  let text = '';
  stdout.on('data', (chunk) => (text += chunk));
  for (let waited = 0; waited < 60_000; waited += 100) {
    const [, url] = /(?:API:|Listening on) +(http[^\s"]+)/.exec(text) ?? [];
    if (url) return url;
    await sleep(100);
  }
  throw new Error(`The service does not listen: ${text}`);
}
