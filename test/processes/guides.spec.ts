import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { jpeg } from '../support/images.js';
import { startService, type TestService } from '../support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const GUIDES = join(ROOT, 'docs/guides');

interface Block {
  language: string;
  /** A file name, or who may run it. */
  label: string;
  code: string;
}

const blocksOf = (guide: string): Block[] =>
  [...readFileSync(join(GUIDES, guide), 'utf8').matchAll(/^```(\w+) ?(\S*)\n([^]*?)^```/gm)].map(
    ([, language, label, code]) => ({ language: language!, label: label!, code: code! }),
  );

/** Runs every line of code of the guides, as it stands, and compares what it prints with the comments after `// →`. */
describe('the guide', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-guides-'));
  const run = promisify(execFile);

  beforeAll(async () => {
    const client = join(directory, 'node_modules/crm-client');
    mkdirSync(client, { recursive: true });
    const bundle = ['client/src/index.ts', '--bundle', '--format=esm', `--outfile=${join(client, 'index.js')}`];
    await run(join(ROOT, 'node_modules/.bin/esbuild'), bundle, { cwd: ROOT });
    writeFileSync(join(client, 'package.json'), JSON.stringify({ type: 'module', exports: './index.js' }));
    writeFileSync(join(directory, 'photo.jpg'), await jpeg());
    const setUp = blocksOf('quick-start.md').find(({ label }) => label === 'crm.js');
    writeFileSync(join(directory, 'crm.mjs'), setUp!.code);
    cpSync(join(directory, 'crm.mjs'), join(directory, 'crm.js'));
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each(readdirSync(GUIDES))('%s runs as it stands', async (guide) => {
    const blocks = blocksOf(guide).filter(({ label }) => label !== 'crm.js');
    const programs = blocks.filter(({ language }) => language === 'js');
    const code = programs.map((block) => block.code).join('\n');
    const isAdmin = programs.some(({ label }) => label === 'admin');
    // every guide starts on an empty database
    const service: TestService = await startService('SQLite', { env: { DOCS: 'on' } });
    const { email, password } = await service.user({ role: isAdmin ? 'admin' : 'user' });
    const env = {
      PATH: process.env.PATH,
      CRM_URL: service.anonymous.url,
      CRM_EMAIL: email,
      CRM_PASSWORD: password,
      PHOTO: join(directory, 'photo.jpg'),
    };
    writeFileSync(join(directory, `${guide}.js`), code);
    const { stdout } = await run(process.execPath, [`${guide}.js`], { cwd: directory, env });
    const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text!).join(' ');
    expect(promised).not.toBe('');
    expect(stdout.trim().split(/\s+/).join(' ')).toBe(promised);

    for (const { code: commands } of blocks.filter(({ language }) => language === 'sh')) {
      const result = await run('bash', ['-euo', 'pipefail', '-c', commands], { cwd: directory, env });
      expect(result.stdout).not.toContain('/problems/');
      expect(result.stdout).toMatch(/"data":\[\{/);
    }
    await service.close();
  });
});
