import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hash as argon2 } from '@node-rs/argon2';
import { Metrics } from '../metrics/metrics.js';
import { Problem } from '../problems/problem.js';
import { PasswordHasher } from './password-hasher.js';

const PASSWORD = 'correct horse';
/** A hash that the Flask service stored. */
const WERKZEUG_PBKDF2 =
  'pbkdf2:sha256:150000$0nBoLwjqeQOTn4Ku$44fc0a2d809acd3dcdd58a058602842fa8703436c81d0f450219c813b71c849c';

const pbkdf2Of = (password: string): string =>
  `pbkdf2:sha256:1000$NaCl$${pbkdf2Sync(password, 'NaCl', 1_000, 32, 'sha256').toString('hex')}`;

const pbkdf2 = (digest: string, iterations: number, bytes: number): string =>
  `pbkdf2:${digest}:${iterations}$NaCl$${pbkdf2Sync(PASSWORD, 'NaCl', iterations, bytes, digest).toString('hex')}`;

const scrypt = (N: number, r: number, p: number): string => {
  const key = scryptSync(PASSWORD, 'NaCl', 64, { N, r, p, maxmem: 256 * 1024 * 1024 });
  return `scrypt:${N}:${r}:${p}$NaCl$${key.toString('hex')}`;
};

describe('the password hasher', () => {
  const hasher = new PasswordHasher(new Metrics());

  it('creates salted argon2id hashes with the parameters that OWASP recommends', async () => {
    const [one, other] = await Promise.all([hasher.hash(PASSWORD), hasher.hash(PASSWORD)]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(other).not.toBe(one);
    expect(await hasher.verify(PASSWORD, one)).toBe(true);
    expect(await hasher.verify(PASSWORD, other)).toBe(true);
    expect(await hasher.verify('correct horse ', one)).toBe(false);
    expect(await hasher.verify('', one)).toBe(false);
    expect(hasher.isOutdated(one)).toBe(false);
  });

  it('never truncates a password, neither at 128 characters nor at a NUL', async () => {
    const long = '🔑'.repeat(127);
    const hash = await hasher.hash(`${long}a`);
    expect(await hasher.verify(`${long}a`, hash)).toBe(true);
    expect(await hasher.verify(`${long}b`, hash)).toBe(false);
    expect(await hasher.verify(`a\0b`, await hasher.hash(`a\0c`))).toBe(false);
  });

  it.each([
    ['a pbkdf2 hash of the Flask service', WERKZEUG_PBKDF2],
    ['a pbkdf2 hash with 260,000 iterations', pbkdf2('sha256', 260_000, 32)],
    ['a pbkdf2 hash with SHA-1', pbkdf2('sha1', 1_000, 20)],
    ['a pbkdf2 hash with SHA-512', pbkdf2('sha512', 1_000, 64)],
    ['a scrypt hash of a newer Werkzeug', scrypt(32_768, 8, 1)],
    ['a scrypt hash with three lanes', scrypt(1_024, 8, 3)],
  ])('verifies a password against %s', async (_, stored) => {
    expect(await hasher.verify(PASSWORD, stored)).toBe(true);
    expect(await hasher.verify('correct horsf', stored)).toBe(false);
    expect(await hasher.verify('', stored)).toBe(false);
    expect(hasher.isOutdated(stored)).toBe(true);
  });

  it('verifies an argon2id hash with other parameters and reports it as outdated', async () => {
    const weak = await argon2(PASSWORD, { algorithm: 2, memoryCost: 4_096, timeCost: 1, parallelism: 1 });
    expect(hasher.isOutdated(weak)).toBe(true);
    expect(await hasher.verify(PASSWORD, weak)).toBe(true);
    expect(await hasher.verify('correct', weak)).toBe(false);
  });

  it('does the work of a verification even without a stored hash, and fails', async () => {
    const verified = await cpuTime(async () => hasher.verify(PASSWORD, await hasher.hash(PASSWORD)));
    const missing = await cpuTime(async () => expect(await hasher.verify(PASSWORD, null)).toBe(false));
    // hashing plus verifying is twice the work of a verification
    expect(missing).toBeGreaterThan(verified / 8);
  });

  it('verifies every form of a password that was hashed in its prepared form', async () => {
    const stored = await hasher.hash('contrasen\u0303a\u00a0１');
    for (const form of ['contraseña 1', 'contrasen\u0303a 1', 'ｃｏｎｔｒａｓｅñａ　１'])
      expect(await hasher.verify(form, stored)).toBe(true);
    expect(await hasher.verify('contrasena 1', stored)).toBe(false);
  });

  it('verifies a password that was hashed as it was typed only in that form', async () => {
    const typed = 'contrasen\u0303a\u00a0１';
    for (const stored of [await argon2(typed, { algorithm: 2 }), pbkdf2Of(typed)]) {
      expect(await hasher.verify(typed, stored)).toBe(true);
      expect(await hasher.verify('contraseña 1', stored)).toBe(false);
    }
  });

  it('does the same work for both forms of a password with and without a stored hash', async () => {
    const stored = await hasher.hash(PASSWORD);
    const attempts = (hash: string | null) => async (): Promise<void> => {
      for (let count = 0; count < 5; count++) expect(await hasher.verify('Jose\u0301', hash)).toBe(false);
    };
    // a single form is half the work
    expect(await cpuTime(attempts(null))).toBeGreaterThan((await cpuTime(attempts(stored))) * 0.7);
  });

  it.each([
    ['99,999,999,999 iterations', 'pbkdf2:sha256:99999999999$salt$' + 'ab'.repeat(32)],
    ['9,999,999 iterations', 'pbkdf2:sha256:9999999$salt$' + 'ab'.repeat(32)],
    ['no iterations', 'pbkdf2:sha256:0$salt$' + 'ab'.repeat(32)],
    ['iterations in hexadecimal', 'pbkdf2:sha256:0x10$salt$' + 'ab'.repeat(32)],
    ['another digest', 'pbkdf2:md5:1000$salt$' + 'ab'.repeat(32)],
    ['no salt', 'pbkdf2:sha256:1000$$' + 'ab'.repeat(32)],
    ['half a byte', 'pbkdf2:sha256:1000$salt$' + 'a'.repeat(39)],
    ['a kilobyte of hash', 'pbkdf2:sha256:1000$salt$' + 'ab'.repeat(1024)],
    ['md5', 'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99'],
    ['plain text', `plain$$${PASSWORD}`],
    ['the password itself', PASSWORD],
    ['nothing', ''],
    ['scrypt over 1 GiB', 'scrypt:1048576:8:1$salt$' + 'ab'.repeat(64)],
    ['scrypt over 99 blocks', 'scrypt:8388608:99:1$salt$' + 'ab'.repeat(64)],
    ['scrypt in 9 lanes', 'scrypt:32768:8:9$salt$' + 'ab'.repeat(64)],
    ['scrypt with an N that is no power of two', 'scrypt:32767:8:1$salt$' + 'ab'.repeat(64)],
    ['scrypt with an N of 1', 'scrypt:1:8:1$salt$' + 'ab'.repeat(64)],
    ['scrypt with an N of 0', 'scrypt:0:8:1$salt$' + 'ab'.repeat(64)],
    ['argon2id over 4 GiB', '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$' + 'A'.repeat(43)],
    ['argon2id over 256 MiB, 30 times', '$argon2id$v=19$m=262144,t=30,p=1$c29tZXNhbHRzb21lc2FsdA$' + 'A'.repeat(43)],
    ['argon2i', '$argon2i$v=19$m=4096,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$' + 'A'.repeat(43)],
    ['argon2id of nothing', '$argon2id$'],
  ])('rejects a forged hash (%s) with bounded work', async (_, stored) => {
    const used = await cpuTime(async () => expect(await hasher.verify(PASSWORD, stored)).toBe(false));
    expect(used).toBeLessThan(1_500);
  });

  it('refuses new work immediately while 64 hashes are queued', async () => {
    const busy = new PasswordHasher(new Metrics());
    const attempts = Array.from({ length: 70 }, () => busy.verify(PASSWORD, null));
    let verified = 0;
    for (const attempt of attempts)
      void attempt.then(
        () => verified++,
        () => undefined,
      );
    await expect(busy.hash(PASSWORD)).rejects.toMatchObject({ code: 'overloaded', status: 503 });
    expect(verified).toBe(0);
    const settled = await Promise.allSettled(attempts);
    const reasons = settled.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason as unknown] : []));
    expect(reasons).toHaveLength(4);
    expect(reasons.every((reason) => reason instanceof Problem && reason.code === 'overloaded')).toBe(true);
  });

  it('frees its slots after failed work', async () => {
    const busy = new PasswordHasher(new Metrics());
    await Promise.allSettled(Array.from({ length: 6 }, () => busy.hash(undefined as unknown as string)));
    expect(await busy.verify(PASSWORD, await busy.hash(PASSWORD))).toBe(true);
  });

  it('leaves threads of the pool free for file reads while 50 hashes are queued', async () => {
    const busy = new PasswordHasher(new Metrics());
    let verified = 0;
    const attempts = Promise.all(
      Array.from({ length: 50 }, async () => {
        await busy.verify(PASSWORD, null);
        verified++;
      }),
    );
    await readFile(new URL(import.meta.url));
    expect(verified).toBeLessThan(50 / 3);
    await attempts;
  });
});

/** Milliseconds of CPU time of all threads, which other processes on the machine do not affect. */
async function cpuTime(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
