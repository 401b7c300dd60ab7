import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from './env.js';
import { loadPersistedSecret } from './persisted-secret.js';

describe('the persisted secret', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'crm-secret-'));
    file = join(directory, 'jwt-secret');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is created once, readable only by its owner, and nothing else is left', () => {
    const secret = loadPersistedSecret(join(directory, 'new'));
    expect(secret).toMatch(/^[\da-f]{64}$/);
    expect(loadPersistedSecret(join(directory, 'new'))).toBe(secret);
    expect(readdirSync(join(directory, 'new'))).toEqual(['jwt-secret']);
    expect(statSync(join(directory, 'new', 'jwt-secret')).mode & 0o777).toBe(0o600);
  });

  it('is kept as it is if it has 32 bytes', () => {
    writeFileSync(file, 'x'.repeat(32));
    expect(loadPersistedSecret(directory)).toBe('x'.repeat(32));
  });

  it.each([
    ['empty', ''],
    ['short', 'x'.repeat(31)],
    ['blank', ' '.repeat(64)],
    ['a line of 31 bytes', `${'x'.repeat(31)}\n`],
    ['zero bytes', '\0'.repeat(64)],
  ])('is refused if it is %s, and not replaced', (_name, content) => {
    writeFileSync(file, content);
    const load = () => loadPersistedSecret(directory);
    expect(load).toThrow(ConfigurationError);
    expect(load).toThrow(`${file} must contain a secret of at least 32 bytes. Restore it from a backup, or delete it`);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });
});
