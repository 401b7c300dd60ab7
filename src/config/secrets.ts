import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from './base64url.js';
import { Env } from './env.js';

type Purpose =
  | 'access-token'
  | 'refresh-token'
  | 'cursor'
  | 'idempotency'
  | 'idempotency-request'
  | 'rate-limit'
  | 'login-state'
  | 'login-code'
  | 'photo';

/**
 * Keys for every purpose, derived (HKDF, RFC 5869) from `JWT_SECRET`. The variable is a list that rotates:
 * the first secret signs, all of them verify, so that nothing breaks while a new one is rolled out.
 */
@Injectable()
export class Secrets {
  private readonly secrets: string[];
  private readonly derived = new Map<Purpose, KeyObject[]>();

  constructor(env: Env) {
    this.secrets = env.JWT_SECRET?.length ? env.JWT_SECRET : [keptSecret(env.DATA_DIR)];
  }

  /**
   * Newest first. KeyObjects, not strings: for a string, jsonwebtoken first tries to parse a public key,
   * which costs 1.5 ms on every request.
   */
  keys(purpose: Purpose): KeyObject[] {
    let keys = this.derived.get(purpose);
    if (!keys) {
      keys = this.secrets.map((secret) =>
        createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `crm-service ${purpose}`, 32))),
      );
      this.derived.set(purpose, keys);
    }
    return keys;
  }

  sign(purpose: Purpose, text: string): Buffer {
    return hmac(this.keys(purpose)[0]!, text);
  }

  /** Compares in constant time. A signature may be cut, as a URL wants it short, to no less than 12 bytes. */
  verifies(purpose: Purpose, text: string, signature: Buffer): boolean {
    if (signature.length < 12) return false;
    return this.keys(purpose).some((key) => {
      const expected = hmac(key, text).subarray(0, signature.length);
      return signature.length === expected.length && timingSafeEqual(expected, signature);
    });
  }

  /** AES-256-GCM (NIST SP 800-38D): nonce of 12 bytes, tag of 16, then the ciphertext. */
  seal(purpose: Purpose, text: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.keys(purpose)[0]!, nonce);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** Undefined if no key opens it: the secret that sealed it has been rotated out. */
  open(purpose: Purpose, sealed: string): string | undefined {
    const bytes = decodeBase64Url(sealed);
    if (!bytes) return undefined;
    for (const key of this.keys(purpose)) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(12, 28));
        return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        continue;
      }
    }
    return undefined;
  }
}

const hmac = (key: KeyObject, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** The embedded mode needs no configuration: its secret is made once and kept beside its database. */
function keptSecret(directory: string): string {
  const file = join(directory, 'jwt-secret');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    // "wx" fails if the file is there: of two processes that start at once, one makes the secret and both read it
    writeFileSync(file, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
}
