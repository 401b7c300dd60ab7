import { pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { hash, verify } from '@node-rs/argon2';
import { Injectable } from '@nestjs/common';
import { Turns } from '../limits/concurrency-limiter.js';
import { Metrics } from '../metrics/metrics.js';

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
const ARGON2 = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Hashing shares the thread pool with file reads and DNS: at most this many at a time, and as many more waiting. */
const AT_ONCE = 2;
const MOST_WAITING = 64;

/** More than any Werkzeug has ever asked for; a forged hash in the database must not keep us busy for a year. */
const MOST_ITERATIONS = 2_000_000;
/** Memory times passes: room for parameters of a time to come. */
const MOST_ARGON2_WORK = 4 * ARGON2.memoryCost * ARGON2.timeCost;
const MOST_SCRYPT_BYTES = 64 * 1024 * 1024;

/** A hash of nobody's password: checked when there is no account, so that the answer takes as long. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$EuHwnLX2qTa/fKlTjcUcug$EcrJu++KDe5EmlXryrorQPoWj8K+8Yw0h9k74tj1oMc';

/** Hashes and checks passwords: argon2id, and the hashes that Werkzeug made for the Flask service. */
@Injectable()
export class PasswordHasher {
  private readonly turns = new Turns(AT_ONCE, MOST_WAITING);

  constructor(metrics: Metrics) {
    metrics.gauge('crm_password_hashes_running', 'Passwords that are hashed or checked', () => this.turns.underWay);
    metrics.gauge('crm_password_hashes_waiting', 'Those that wait for their turn', () => this.turns.waiting);
  }

  hash(password: string): Promise<string> {
    return this.turns.take(() => hash(password, ARGON2));
  }

  /** Does the work of a check also if there is nothing to check against. */
  verify(password: string, stored: string | null): Promise<boolean> {
    return this.turns.take(async () => {
      const check = stored === null ? undefined : checkOf(stored);
      if (check) return check(password);
      await verify(NOBODY, password);
      return false;
    });
  }

  isOutdated(stored: string): boolean {
    return !stored.startsWith('$argon2id$v=19$m=19456,t=2,p=1$');
  }
}

type Check = (password: string) => Promise<boolean>;

/** How to check against a stored hash; undefined if it is none that we know, or asks for unbounded work. */
function checkOf(stored: string): Check | undefined {
  return argon2id(stored) ?? werkzeugPbkdf2(stored) ?? werkzeugScrypt(stored);
}

function argon2id(stored: string): Check | undefined {
  const [, memory, passes] = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=[1-4]\$/.exec(stored) ?? [];
  const isBounded = Number(memory) * Number(passes) <= MOST_ARGON2_WORK;
  return isBounded ? (password) => verify(stored, password).catch(() => false) : undefined;
}

/** `pbkdf2:sha256:150000$<salt>$<hex>`; the salt is used as the text it is. */
function werkzeugPbkdf2(stored: string): Check | undefined {
  const [, digest, rounds, salt, hex] =
    /^pbkdf2:(sha1|sha256|sha512):(\d{1,7})\$([^$]+)\$([\da-f]{40,128})$/.exec(stored) ?? [];
  const iterations = Number(rounds);
  if (!digest || !salt || !hex || iterations < 1 || iterations > MOST_ITERATIONS) return undefined;
  const expected = Buffer.from(hex, 'hex');
  return async (password) => {
    const actual = await promisify(pbkdf2)(password, salt, iterations, expected.length, digest);
    return timingSafeEqual(actual, expected);
  };
}

/** `scrypt:32768:8:1$<salt>$<hex>` */
function werkzeugScrypt(stored: string): Check | undefined {
  const [, n, r, p, salt, hex] = /^scrypt:(\d{1,7}):(\d{1,2}):([1-4])\$([^$]+)\$([\da-f]{128})$/.exec(stored) ?? [];
  const [N, blockSize, parallelization] = [Number(n), Number(r), Number(p)];
  const memory = 128 * N * blockSize;
  if (!salt || !hex || N < 2 || (N & (N - 1)) !== 0 || blockSize < 1 || memory > MOST_SCRYPT_BYTES) return undefined;
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
