// Once after cloning: a .env with a secret of its own, and the hook. An .env that is there is left as it is.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

if (existsSync('.env')) {
  console.log('.env is there, and is left as it is');
} else {
  const example = readFileSync('.env.example', 'utf8');
  const secret = randomBytes(32).toString('hex');
  // for its owner alone, as it is a secret
  writeFileSync('.env', example.replace(/^#?JWT_SECRET=$/m, `JWT_SECRET=${secret}`), { mode: 0o600 });
  console.log('.env is made from .env.example, with a secret of its own');
}
execFileSync(process.execPath, ['node_modules/husky/bin.js'], { stdio: 'inherit' });
console.log('The hooks are in place');
