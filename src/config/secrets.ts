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
import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from './base64url.js';
import { Env } from './env.js';
import { loadPersistedSecret } from './persisted-secret.js';

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
 * What is signed for each purpose, which has a key of its own. The number of its fields is fixed, so that different
 * fields never have the same encoding.
 */
interface SignedFields {
  cursor: [scope: string, position: string];
  'refresh-token': [text: string];
  'idempotency-request': [request: string];
  'rate-limit': [kind: string, values: readonly string[]];
  photo: [customerId: number, key: string, expires: number];
}

/**
 * Derives a key for each purpose (HKDF, RFC 5869) from `JWT_SECRET`. The variable is a list for rotation:
 * the first secret signs, all of them verify, so that a new secret can be rolled out without breaking tokens.
 */
@Injectable()
export class Secrets {
  private readonly secrets: string[];
  private readonly derived = new Map<Purpose, KeyObject[]>();

  constructor(env: Env) {
    this.secrets = env.JWT_SECRET?.length ? env.JWT_SECRET : [loadPersistedSecret(env.DATA_DIR)];
  }

  /**
   * Newest first. Returns KeyObjects, not strings: jsonwebtoken tries to parse a string as a public key,
   * which costs 1.5 ms per request.
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

  sign<P extends keyof SignedFields>(purpose: P, ...fields: SignedFields[P]): Buffer {
    return hmac(this.keys(purpose)[0]!, encode(fields));
  }

  /** Compares in constant time. Accepts a signature truncated to 12 bytes or more, to keep URLs short. */
  verifies<P extends keyof SignedFields>(purpose: P, signature: Buffer, ...fields: SignedFields[P]): boolean {
    if (signature.length < 12) return false;
    const text = encode(fields);
    return this.keys(purpose).some((key) => {
      const expected = hmac(key, text).subarray(0, signature.length);
      return signature.length === expected.length && timingSafeEqual(expected, signature);
    });
  }

  /** Encrypts with AES-256-GCM (NIST SP 800-38D): 12 bytes of nonce, 16 bytes of tag, then the ciphertext. */
  seal(purpose: Purpose, text: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.keys(purpose)[0]!, nonce);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** Decrypts the result of `seal`; undefined if it was modified, or if its secret is no longer in `JWT_SECRET`. */
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

/** A single field is its own encoding; several are a JSON array, as joined text would not say where each ends. */
const encode = (fields: readonly unknown[]): string =>
  fields.length === 1 ? String(fields[0]) : JSON.stringify(fields);

const hmac = (key: KeyObject, text: string): Buffer => createHmac('sha256', key).update(text).digest();
