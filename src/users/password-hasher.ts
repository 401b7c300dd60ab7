import { pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { Metrics } from '../metrics/metrics.js';
import { preparePassword } from '../text/password.js';

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
const ARGON2 = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Hashing shares the thread pool with file reads and DNS, so only a part of the pool may hash at the same time. */
const CONCURRENCY = 2;
const MAX_QUEUED = 64;

/** More than any version of Werkzeug uses. A forged hash in the database must not cause unbounded work. */
const MAX_PBKDF2_ITERATIONS = 2_000_000;
/** Memory times passes, with room for stronger parameters in the future. */
const MAX_ARGON2_WORK = 4 * ARGON2.memoryCost * ARGON2.timeCost;
const MAX_SCRYPT_BYTES = 64 * 1024 * 1024;

/** A hash of a random password. It is checked if there is no account, so that the response takes the same time. */
const DUMMY_HASH = '$argon2id$v=19$m=19456,t=2,p=1$EuHwnLX2qTa/fKlTjcUcug$EcrJu++KDe5EmlXryrorQPoWj8K+8Yw0h9k74tj1oMc';

/** Hashes and verifies passwords: argon2id, and the Werkzeug hashes of the Flask service. */
@Injectable()
export class PasswordHasher {
  private readonly limiter = new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);

  constructor(metrics: Metrics) {
    metrics.gauge('crm_password_hashes_running', 'Password hashes in progress', () => this.limiter.active);
    metrics.gauge('crm_password_hashes_waiting', 'Queued password hashes', () => this.limiter.queued);
  }

  /** Hashes the prepared form, see `preparePassword`. */
  hash(password: string): Promise<string> {
    return this.limiter.run(() => hash(preparePassword(password), ARGON2));
  }

  /**
   * Hashes from before passwords were prepared are of the password as typed, so that is tried too if it differs. Does the
   * same work without a stored hash as for a wrong password.
   */
  verify(password: string, stored: string | null): Promise<boolean> {
    return this.limiter.run(async () => {
      const check = (stored === null ? undefined : parseHash(stored)) ?? checkDummy;
      for (const form of new Set([preparePassword(password), password])) if (await check(form)) return true;
      return false;
    });
  }

  isOutdated(stored: string): boolean {
    return !stored.startsWith('$argon2id$v=19$m=19456,t=2,p=1$');
  }
}

type Check = (password: string) => Promise<boolean>;

const checkDummy: Check = async (password) => {
  await verify(DUMMY_HASH, password);
  return false;
};

/** The check for a stored hash; undefined if its format is unknown or its work is not bounded. */
function parseHash(stored: string): Check | undefined {
  return parseArgon2id(stored) ?? parseWerkzeugPbkdf2(stored) ?? parseWerkzeugScrypt(stored);
}

function parseArgon2id(stored: string): Check | undefined {
  const [, memory, passes] = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=[1-4]\$/.exec(stored) ?? [];
  const isBounded = Number(memory) * Number(passes) <= MAX_ARGON2_WORK;
  return isBounded ? (password) => verify(stored, password).catch(() => false) : undefined;
}

/** `pbkdf2:sha256:150000$<salt>$<hex>`; the salt is used as text. */
function parseWerkzeugPbkdf2(stored: string): Check | undefined {
  const [, digest, rounds, salt, hex] =
    /^pbkdf2:(sha1|sha256|sha512):(\d{1,7})\$([^$]+)\$([\da-f]{40,128})$/.exec(stored) ?? [];
  const iterations = Number(rounds);
  if (!digest || !salt || !hex || iterations < 1 || iterations > MAX_PBKDF2_ITERATIONS) return undefined;
  const expected = Buffer.from(hex, 'hex');
  return async (password) => {
    const actual = await promisify(pbkdf2)(password, salt, iterations, expected.length, digest);
    return timingSafeEqual(actual, expected);
  };
}

/** `scrypt:32768:8:1$<salt>$<hex>` */
function parseWerkzeugScrypt(stored: string): Check | undefined {
  const [, n, r, p, salt, hex] = /^scrypt:(\d{1,7}):(\d{1,2}):([1-4])\$([^$]+)\$([\da-f]{128})$/.exec(stored) ?? [];
  const [N, blockSize, parallelization] = [Number(n), Number(r), Number(p)];
  const memory = 128 * N * blockSize;
  if (!salt || !hex || N < 2 || (N & (N - 1)) !== 0 || blockSize < 1 || memory > MAX_SCRYPT_BYTES) return undefined;
  const expected = Buffer.from(hex, 'hex');
  return async (password) => {
    const options = { N, r: blockSize, p: parallelization, maxmem: memory + 16 * 1024 * 1024 };
    const actual = await scryptAsync(password, salt, expected.length, options);
    return timingSafeEqual(actual, expected);
  };
}

const scryptAsync = promisify(scrypt) as (
  password: string,
  salt: string,
  length: number,
  options: { N: number; r: number; p: number; maxmem: number },
) => Promise<Buffer>;
