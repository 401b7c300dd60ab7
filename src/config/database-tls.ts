import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Values of the URI's query by name. */
export type Parameters = Map<string, string>;

export interface DatabaseTls {
  /** Connects without TLS if the server has none. */
  isOptional: boolean;
  /** The `ssl` options of mysql2. */
  options: {
    ca?: string;
    cert?: string;
    key?: string;
    ciphers?: string;
    /** Whether the server's certificate must be issued by `ca`, or by a public authority without it. */
    rejectUnauthorized: boolean;
    /** Whether it must also name the host. */
    verifyIdentity: boolean;
  };
}

export const TLS_PARAMETERS = [
  'ssl',
  'ssl-mode',
  'ssl_disabled',
  'ssl_ca',
  'ssl_cert',
  'ssl_key',
  'ssl_cipher',
  'ssl_verify_cert',
  'ssl_verify_identity',
  'ssl_check_hostname',
];

type Mode = 'disabled' | 'preferred' | 'required' | 'verify_ca' | 'verify_identity';

/** MySQL's names, and those of other URIs for the same. */
const MODES: Record<string, Mode> = {
  disabled: 'disabled',
  disable: 'disabled',
  preferred: 'preferred',
  prefer: 'preferred',
  required: 'required',
  require: 'required',
  verify_ca: 'verify_ca',
  verify_identity: 'verify_identity',
  verify_full: 'verify_identity',
};

/**
 * Reads the parameters of TLS. As with MySQL's own clients `required` encrypts without verifying the server; a `ssl_ca`
 * verifies it, unless `ssl_verify_cert` is false. Undefined without TLS.
 */
export function readTls(values: Parameters): DatabaseTls | undefined {
  const mode = readMode(values);
  const files = Object.fromEntries(['ca', 'cert', 'key'].map((name) => [name, readPem(values, `ssl_${name}`)]));
  const ciphers = values.get('ssl_cipher') || undefined;
  if (!files.cert !== !files.key) throw new Error('must have ssl_cert and ssl_key together');
  const verifiesIdentity = flag(values, 'ssl_verify_identity') ?? flag(values, 'ssl_check_hostname');
  const verifiesCert = flag(values, 'ssl_verify_cert');
  const isImplied = files.ca ?? files.cert ?? ciphers ?? verifiesIdentity ?? verifiesCert;
  if (mode === 'disabled') {
    if (isImplied !== undefined) throw new Error('must not turn TLS off and have other parameters of TLS');
    return undefined;
  }
  if (mode === undefined && isImplied === undefined) return undefined;
  const verifyIdentity = verifiesIdentity ?? mode === 'verify_identity';
  const rejectUnauthorized =
    verifyIdentity ||
    mode === 'verify_ca' ||
    mode === 'verify_identity' ||
    (verifiesCert ?? (files.ca !== undefined && mode !== 'preferred'));
  if (verifiesCert === false && rejectUnauthorized)
    throw new Error('must not have ssl_verify_cert=false and verify the server otherwise');
  const options = { ...files, ciphers, rejectUnauthorized, verifyIdentity };
  checkContext(options);
  return { isOptional: mode === 'preferred' && !rejectUnauthorized, options };
}

/** From `ssl-mode`, `ssl` and `ssl_disabled`, which must not contradict each other. */
function readMode(values: Parameters): Mode | undefined {
  const modes = new Set<Mode>();
  const named = values.get('ssl-mode');
  if (named !== undefined) {
    const mode = MODES[named.toLowerCase().replaceAll('-', '_')];
    if (!mode) throw new Error('must have DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY as ssl-mode');
    modes.add(mode);
  }
  const isOn = sslFlag(values);
  if (isOn !== undefined && (!isOn || named === undefined || modes.has('disabled')))
    modes.add(isOn ? 'required' : 'disabled');
  const isDisabled = flag(values, 'ssl_disabled');
  if (isDisabled) modes.add('disabled');
  if (modes.size > 1) throw new Error('must not have parameters of TLS that contradict each other');
  return [...modes][0];
}

/** mysql2 takes JSON: `ssl={"rejectUnauthorized":true}`. */
function sslFlag(values: Parameters): boolean | undefined {
  const text = values.get('ssl');
  const json = /^\{\s*(?:"rejectUnauthorized"\s*:\s*(true|false)\s*)?\}$/.exec(text ?? '');
  if (!json) return flag(values, 'ssl');
  if (!values.has('ssl_verify_cert')) values.set('ssl_verify_cert', json[1] ?? 'true');
  return true;
}

function flag(values: Parameters, name: string): boolean | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (/^(1|true|yes|on|required?)$/i.test(text)) return true;
  if (/^(0|false|no|off|disabled?)$/i.test(text)) return false;
  throw new Error(`must have true or false as ${name}`);
}

function readPem(values: Parameters, name: string): string | undefined {
  const file = values.get(name);
  if (file === undefined) return undefined;
  try {
    const text = readFileSync(file, 'utf8');
    if (text.includes('-----BEGIN ')) return text;
  } catch {
    throw new Error(`must have the path of a readable file as ${name}`);
  }
  throw new Error(`must have a file in PEM format as ${name}`);
}

/** Otherwise the first connection would fail, with a message that names no parameter. */
function checkContext({ ca, cert, key, ciphers }: DatabaseTls['options']): void {
  for (const [names, options] of [
    ['ssl_ca', { ca }],
    ['ssl_cert and ssl_key', { cert, key }],
    ['ssl_cipher', { ciphers }],
  ] as const) {
    try {
      createSecureContext(options);
      // a context ignores authorities that it cannot parse
      if ('ca' in options && options.ca) new X509Certificate(options.ca);
    } catch {
      throw new Error(
        names === 'ssl_cipher'
          ? 'must have ciphers that OpenSSL knows as ssl_cipher'
          : `must have valid, matching files without a passphrase as ${names}`,
      );
    }
  }
}
