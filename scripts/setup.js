// Run once after cloning: creates .env with a new secret, unless it exists, and installs the git hooks.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

if (existsSync('.env')) {
  console.log('.env exists; kept');
} else {
  const example = readFileSync('.env.example', 'utf8');
  const secret = randomBytes(32).toString('hex');
  const content = example.replace(/^#?JWT_SECRET=$/m, `JWT_SECRET=${secret}`);
  // readable only by its owner, as it contains a secret; renamed, as a full disk would leave a part of it
  writeFileSync('.env.new', content, { mode: 0o600, flush: true });
  renameSync('.env.new', '.env');
  console.log('Created .env from .env.example, with a new secret');
}
execFileSync(process.execPath, ['node_modules/husky/bin.js'], { stdio: 'inherit' });
console.log('Installed the git hooks');
