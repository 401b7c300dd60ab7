import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hash as argon2 } from '@node-rs/argon2';
import { Metrics } from '../metrics/metrics.js';
import { Problem } from '../problems/problem.js';
import { parseHash, PasswordHasher } from './password-hasher.js';

const PASSWORD = 'correct horse';
/** A hash of the Flask service. */
const WERKZEUG_PBKDF2 =
  'pbkdf2:sha256:150000$0nBoLwjqeQOTn4Ku$44fc0a2d809acd3dcdd58a058602842fa8703436c81d0f450219c813b71c849c';

const pbkdf2 = (digest: string, iterations: number, bytes: number): string =>
  `pbkdf2:${digest}:${iterations}$NaCl$${pbkdf2Sync(PASSWORD, 'NaCl', iterations, bytes, digest).toString('hex')}`;

const scrypt = (N: number, r: number, p: number): string => {
  const key = scryptSync(PASSWORD, 'NaCl', 64, { N, r, p, maxmem: 256 * 1024 * 1024 });
  return `scrypt:${N}:${r}:${p}$NaCl$${key.toString('hex')}`;
};

describe('hashing passwords', () => {
  const passwords = new PasswordHasher(new Metrics());

  it('creates argon2id hashes with the parameters of OWASP, each with its own salt', async () => {
    const [one, other] = await Promise.all([passwords.hash(PASSWORD), passwords.hash(PASSWORD)]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(other).not.toBe(one);
    expect(await passwords.verify(PASSWORD, one)).toBe(true);
    expect(await passwords.verify(PASSWORD, other)).toBe(true);
    expect(await passwords.verify('correct horse ', one)).toBe(false);
    expect(await passwords.verify('', one)).toBe(false);
    expect(passwords.isOutdated(one)).toBe(false);
  });

  it('truncates nothing: the 128th character and characters after a NUL count', async () => {
    const long = '🔑'.repeat(127);
    const hash = await passwords.hash(`${long}a`);
    expect(await passwords.verify(`${long}a`, hash)).toBe(true);
    expect(await passwords.verify(`${long}b`, hash)).toBe(false);
    expect(await passwords.verify(`a\0b`, await passwords.hash(`a\0c`))).toBe(false);
  });

  it.each([
    ['a pbkdf2 hash of the Flask service', WERKZEUG_PBKDF2],
    ['a pbkdf2 hash with 260,000 iterations', pbkdf2('sha256', 260_000, 32)],
    ['a pbkdf2 hash with SHA-1', pbkdf2('sha1', 1_000, 20)],
    ['a pbkdf2 hash with SHA-512', pbkdf2('sha512', 1_000, 64)],
    ['a scrypt hash of newer Werkzeug versions', scrypt(32_768, 8, 1)],
    ['a scrypt hash with three lanes', scrypt(1_024, 8, 3)],
  ])('verifies a password against %s', async (_, stored) => {
    expect(await passwords.verify(PASSWORD, stored)).toBe(true);
    expect(await passwords.verify('correct horsf', stored)).toBe(false);
    expect(await passwords.verify('', stored)).toBe(false);
    expect(passwords.isOutdated(stored)).toBe(true);
  });

  it('verifies an argon2id hash with other parameters, and reports it as outdated', async () => {
    const weak = await argon2(PASSWORD, { algorithm: 2, memoryCost: 4_096, timeCost: 1, parallelism: 1 });
    expect(passwords.isOutdated(weak)).toBe(true);
    expect(await passwords.verify(PASSWORD, weak)).toBe(true);
    expect(await passwords.verify('correct', weak)).toBe(false);
  });

  it.each([
    ['99,999,999,999 iterations', 'pbkdf2:sha256:99999999999$salt$' + 'ab'.repeat(32)],
    ['9,999,999 iterations', 'pbkdf2:sha256:9999999$salt$' + 'ab'.repeat(32)],
    ['no iterations', 'pbkdf2:sha256:0$salt$' + 'ab'.repeat(32)],
    ['iterations in hexadecimal', 'pbkdf2:sha256:0x10$salt$' + 'ab'.repeat(32)],
    ['another digest', 'pbkdf2:md5:1000$salt$' + 'ab'.repeat(32)],
    ['no salt', 'pbkdf2:sha256:1000$$' + 'ab'.repeat(32)],
    ['an incomplete byte', 'pbkdf2:sha256:1000$salt$' + 'a'.repeat(39)],
    ['a kilobyte of hash', 'pbkdf2:sha256:1000$salt$' + 'ab'.repeat(1024)],
    ['md5', 'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99'],
    ['plain text', `plain$$${PASSWORD}`],
    ['the password itself', PASSWORD],
    ['no content', ''],
    ['scrypt over 1 GiB', 'scrypt:1048576:8:1$salt$' + 'ab'.repeat(64)],
    ['scrypt over 99 blocks', 'scrypt:8388608:99:1$salt$' + 'ab'.repeat(64)],
    ['scrypt in 9 lanes', 'scrypt:32768:8:9$salt$' + 'ab'.repeat(64)],
    ['scrypt with an N that is not a power of two', 'scrypt:32767:8:1$salt$' + 'ab'.repeat(64)],
    ['scrypt with an N of 1', 'scrypt:1:8:1$salt$' + 'ab'.repeat(64)],
    ['scrypt with an N of 0', 'scrypt:0:8:1$salt$' + 'ab'.repeat(64)],
    ['argon2id over 4 GiB', '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$' + 'A'.repeat(43)],
    ['argon2id over 256 MiB, 30 times', '$argon2id$v=19$m=262144,t=30,p=1$c29tZXNhbHRzb21lc2FsdA$' + 'A'.repeat(43)],
    ['argon2i', '$argon2i$v=19$m=4096,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$' + 'A'.repeat(43)],
    ['an empty argon2id hash', '$argon2id$'],
  ])('refuses a forged hash with %s, without computing it', async (_, stored) => {
    expect(parseHash(stored)).toBeUndefined();
    expect(await passwords.verify(PASSWORD, stored)).toBe(false);
  });

  it('refuses passwords when 64 are queued, before any of them is hashed', async () => {
    const busy = new PasswordHasher(new Metrics());
    let finished = 0;
    const attempts = Array.from({ length: 70 }, () => busy.verify(PASSWORD, null).then(() => finished++));
    await expect(busy.hash(PASSWORD)).rejects.toMatchObject({ code: 'overloaded', status: 503 });
    expect(finished).toBe(0);
    const settled = await Promise.allSettled(attempts);
    const reasons = settled.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason as unknown] : []));
    expect(reasons).toHaveLength(4);
    expect(reasons.every((reason) => reason instanceof Problem && reason.code === 'overloaded')).toBe(true);
  });

  it('continues after failed work', async () => {
    const busy = new PasswordHasher(new Metrics());
    await Promise.allSettled(Array.from({ length: 6 }, () => busy.hash(undefined as unknown as string)));
    expect(await busy.verify(PASSWORD, await busy.hash(PASSWORD))).toBe(true);
  });

  it('leaves threads of the pool free: a file is read before most of 50 queued hashes', async () => {
    const busy = new PasswordHasher(new Metrics());
    let finished = 0;
    const attempts = Array.from({ length: 50 }, () => busy.verify(PASSWORD, null).then(() => finished++));
    await readFile(new URL(import.meta.url));
    expect(finished).toBeLessThan(25);
    await Promise.all(attempts);
  });
});
