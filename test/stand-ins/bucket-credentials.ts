import { createHash, generateKeyPair, type KeyObject, randomBytes, verify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { jwtVerify } from 'jose';
import { Refusal } from './bucket-refusals.js';

const SCOPES = ['cloud-platform', 'devstorage.full_control', 'devstorage.read_write'];
const WEEK_S = 7 * 24 * 60 * 60;

const badSignature = (): Refusal =>
  new Refusal(403, 'forbidden', 'The request signature does not match.', 'SignatureDoesNotMatch');

const malformed = (): Refusal =>
  new Refusal(400, 'invalid', 'The X-Goog- parameters are not valid.', 'MalformedSecurityHeader');

/** A service account with its own key: writes its key file, and verifies that requests come from it. */
export class ServiceAccount {
  readonly email = 'crm@crm-project.iam.gserviceaccount.com';

  private constructor(
    private readonly publicKey: KeyObject,
    private readonly privateKey: KeyObject,
  ) {}

  static async create(): Promise<ServiceAccount> {
    const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
    return new ServiceAccount(publicKey, privateKey);
  }

  /**
   * Like a key file of Google, except for the universe: in Google's own universe the client gets tokens from a URL in
   * its code and ignores `token_uri`; in any other it signs the tokens itself.
   */
  keyFile(url: string): object {
    return {
      type: 'service_account',
      project_id: 'crm-project',
      private_key_id: randomBytes(20).toString('hex'),
      private_key: this.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: this.email,
      client_id: '100000000000000000001',
      auth_uri: `${url}/o/oauth2/auth`,
      token_uri: `${url}/token`,
      universe_domain: new URL(url).hostname,
    };
  }

  async refuseUnlessAuthorized({ headers }: IncomingMessage): Promise<void> {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (!token)
      throw new Refusal(401, 'required', 'Anonymous caller does not have access to the Google Cloud Storage object.');
    try {
      const options = { issuer: this.email, subject: this.email, algorithms: ['RS256'], requiredClaims: ['exp'] };
      const { payload } = await jwtVerify(token, this.publicKey, options);
      const scopes = String(payload.scope).split(' ');
      if (SCOPES.some((scope) => scopes.includes(`https://www.googleapis.com/auth/${scope}`))) return;
    } catch {
      // refused below
    }
    throw new Refusal(401, 'authError', 'Invalid Credentials');
  }

  /** A V4 signature: https://docs.cloud.google.com/storage/docs/authentication/signatures */
  refuseUnlessSigned(request: IncomingMessage, query: URLSearchParams, now: Date): void {
    const date = query.get('X-Goog-Date') ?? '';
    const [, year, month, day, hours, minutes, seconds] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
    const lifetime = Number(query.get('X-Goog-Expires') ?? NaN);
    const signed = query.get('X-Goog-SignedHeaders')?.split(';') ?? [];
    const scope = `${date.slice(0, 8)}/auto/storage/goog4_request`;
    if (query.get('X-Goog-Algorithm') !== 'GOOG4-RSA-SHA256' || !year) throw malformed();
    if (!(lifetime > 0 && lifetime <= WEEK_S) || !signed.includes('host')) throw malformed();
    if (query.get('X-Goog-Credential') !== `${this.email}/${scope}`) throw badSignature();
    const hash = createHash('sha256')
      .update(canonical(request, query, signed))
      .digest('hex');
    const text = ['GOOG4-RSA-SHA256', date, scope, hash].join('\n');
    const signature = Buffer.from(query.get('X-Goog-Signature')!, 'hex');
    if (!verify('sha256', Buffer.from(text), this.publicKey, signature)) throw badSignature();
    const from = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
    if (now.getTime() > from + lifetime * 1000)
      throw new Refusal(400, 'invalid', 'The provided token has expired.', 'ExpiredToken');
  }
}

function canonical(request: IncomingMessage, query: URLSearchParams, signed: string[]): string {
  const parameters = [...query]
    .filter(([name]) => name !== 'X-Goog-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort();
  const headers = signed.map((name) => {
    const value = String(request.headers[name] ?? '');
    // Google's endpoint has no port, so the client signs none
    return `${name}:${name === 'host' ? value.replace(/:\d+$/, '') : value.trim().replace(/\s+/g, ' ')}\n`;
  });
  const content = request.headers['x-goog-content-sha256'];
  return [
    request.method,
    request.url!.split('?', 1)[0],
    parameters.join('&'),
    headers.join(''),
    signed.join(';'),
    typeof content === 'string' ? content : 'UNSIGNED-PAYLOAD',
  ].join('\n');
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
