import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { codePointOf, findConfusable } from '../text/characters.js';
import { hasOneCase, normalizeEmail } from '../text/email.js';
import { preparePassword } from '../text/password.js';

/** Parses the text of one variable. The message of an error completes "<NAME> …" and never contains the value. */
export type Reader<T> = (raw: string) => T;

export const text: Reader<string> = (raw) => raw;

export const oneOf =
  <const T extends string>(...allowed: T[]): Reader<T> =>
  (raw) => {
    if (allowed.includes(raw as T)) return raw as T;
    throw new Error(
      allowed.length === 1 ? `must be \`${allowed[0]}\` or unset` : `must be one of ${allowed.join(', ')}`,
    );
  };

export const onOrOff: Reader<boolean> = (raw) => oneOf('on', 'off')(raw) === 'on';

export const integer =
  (min: number, max: number): Reader<number> =>
  (raw) => {
    const value = Number(raw);
    if (!/^\d+$/.test(raw) || value < min || value > max) throw new Error(`must be an integer from ${min} to ${max}`);
    return value;
  };

export const list =
  <T>(item: Reader<T>): Reader<T[]> =>
  (raw) =>
    raw
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
      .map(item);

export const origin: Reader<string> = (raw) => {
  // nothing but scheme, host, port and a slash
  if (!/^https?:\/\/[^/?#@*\\\s]+\/?$/i.test(raw) || !URL.canParse(raw))
    throw new Error('must be an origin such as https://crm.example.com, without a path');
  return new URL(raw).origin;
};

export const url: Reader<string> = (raw) => {
  const parsed = URL.canParse(raw) ? new URL(raw) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password || parsed.hash)
    throw new Error('must be a URL such as https://app.example.com/signed-in, without credentials or fragment');
  return parsed.href;
};

export const returnUrl: Reader<string> = (raw) => {
  const address = url(raw);
  if (address.includes('?'))
    throw new Error('must be URLs such as https://app.example.com/signed-in, without a query string');
  return address;
};

export const proxy: Reader<string> = (raw) => {
  const [address = '', prefix, ...rest] = raw.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  const isKeyword = ['loopback', 'linklocal', 'uniquelocal'].includes(raw);
  const hasValidPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  if (!isKeyword && (!isIP(address) || !hasValidPrefix || rest.length > 0))
    throw new Error('must be IP addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal');
  return raw;
};

export const existingFile: Reader<string> = (raw) => {
  if (!existsSync(raw)) throw new Error('must be the path of an existing file');
  return raw;
};

export const bucketName: Reader<string> = (raw) => {
  if (!/^[a-z\d][a-z\d_.-]{1,220}[a-z\d]$/.test(raw)) throw new Error('must be the name of a bucket, without gs://');
  return raw;
};

const secret: Reader<string> = (raw) => {
  if (Buffer.byteLength(raw) < 32) throw new Error('must contain only secrets of at least 32 bytes');
  return raw;
};

export const secrets: Reader<string[]> = (raw) => {
  const found = list(secret)(raw);
  if (found.length === 0) throw new Error('must contain at least one secret');
  return found;
};

/** Accepts more than the API, such as admin@localhost: a user with this address may exist and become the admin. */
export const email: Reader<string> = (raw) => {
  const normalized = normalizeEmail(raw);
  const character = findConfusable(normalized);
  if (character) throw new Error(`must be an e-mail address, but contains ${codePointOf(character)}`);
  if (!/^[^\s@]+@[^\s@]+$/.test(normalized) || [...normalized].length > 120 || !hasOneCase(normalized))
    throw new Error('must be an e-mail address of at most 120 characters');
  return normalized;
};

export const password: Reader<string> = (raw) => {
  const prepared = preparePassword(raw);
  const length = [...prepared].length;
  if (length < 8 || length > 128) throw new Error('must have 8 to 128 characters');
  return prepared;
};
