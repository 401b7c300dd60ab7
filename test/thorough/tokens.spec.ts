import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { Secrets } from '../../src/config/secrets.js';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { JWT_SECRET, startService, type TestService } from '../support/service.js';

type Json = Record<string, unknown>;

const HEADER = { alg: 'HS256', typ: 'at+jwt' };
const SOON_S = 300;

const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

const decode = (token: string, part: number): Json =>
  JSON.parse(Buffer.from(token.split('.')[part]!, 'base64url').toString());

/** Signs by hand what no library would write. */
function sign(header: unknown, claims: unknown, key: KeyObject | string, hash = 'sha256'): string {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
}

function withBitFlipped(token: string, part: number, bit: number): string {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[part]!, 'base64url');
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  parts[part] = bytes.toString('base64url');
  return parts.join('.');
}

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number };
  let key: KeyObject;
  /** The claims of a token of the service for the user, issued now. */
  let claims: Json & { iat: number; exp: number };

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
    key = service.app.get(Secrets).keys('access-token')[0]!;
  });
  beforeEach(() => {
    const now = Math.floor(Date.now() / 1000);
    claims = { ...decode(user.accessToken!, 1), iat: now, exp: now + SOON_S };
  });
  afterAll(() => service.close());

  const withToken = (token: string, at = service) => at.anonymous.as(token).get('/me');
  const withHeader = (authorization: string) => service.anonymous.get('/me', { headers: { authorization } });

  async function expectAccepted(token: string, at = service) {
    const { status, body } = await withToken(token, at);
    expect([status, body.id]).toEqual([200, user.id]);
  }

  async function expectRefused(token: string, at = service) {
    const { status, body, headers } = await withToken(token, at);
    expect([status, body.code]).toEqual([401, 'unauthenticated']);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="crm-service", error="invalid_token"');
    if (token.length > 30) expect(JSON.stringify(body)).not.toContain(token);
  }

  describe('an access token', () => {
    it('is HS256, of type at+jwt, and valid for ten minutes', () => {
      expect(decode(user.accessToken!, 0)).toEqual(HEADER);
      const { iat, exp, sub, ...rest } = decode(user.accessToken!, 1) as { iat: number; exp: number; sub: string };
      expect(exp - iat).toBe(600);
      expect(sub).toBe(String(user.id));
      expect(rest).toEqual({ iss: 'crm-service', aud: 'crm-service', sid: expect.any(Number) });
    });

    it('is accepted when a test signs the same claims, so the refusals below have their own reasons', async () => {
      await expectAccepted(await new SignJWT(claims).setProtectedHeader(HEADER).sign(key));
      await expectAccepted(sign(HEADER, claims, key));
      await expectAccepted(sign(HEADER, { ...claims, exp: claims.iat + 595 }, key));
    });

    it('is refused after it expires', async () => {
      const token = sign(HEADER, claims, key);
      await expectAccepted(token);
      service.clock.forward((SOON_S + 1) * 1000);
      try {
        // It was verified before; the cache does not extend its life.
        await expectRefused(token);
      } finally {
        service.clock.forward(-(SOON_S + 1) * 1000);
      }
    });
  });

  describe('refuses a token', () => {
    it.each(['none', 'None', 'NONE', 'nOnE', '', null, undefined])('with the algorithm %s', async (alg) => {
      const text = `${encode({ ...HEADER, alg })}.${encode(claims)}`;
      const [, , signature] = user.accessToken!.split('.');
      await expectRefused(`${text}.`);
      await expectRefused(text);
      await expectRefused(`${text}.${signature}`);
      await expectRefused(sign({ ...HEADER, alg }, claims, key));
    });

    it.each(['HS384', 'HS512'])('with the algorithm %s, signed with the key of the service', async (alg) => {
      await expectRefused(await new SignJWT(claims).setProtectedHeader({ ...HEADER, alg }).sign(key));
      await expectRefused(sign({ ...HEADER, alg }, claims, key, alg.replace('HS', 'sha')));
      // The header contradicts the signature.
      await expectRefused(sign(HEADER, claims, key, alg.replace('HS', 'sha')));
    });

    it('with the algorithm RS256 or ES256', async () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      await expectRefused(await new SignJWT(claims).setProtectedHeader({ ...HEADER, alg: 'RS256' }).sign(privateKey));
      await expectRefused(
        await new SignJWT(claims).setProtectedHeader({ ...HEADER, alg: 'ES256' }).sign(ec.privateKey),
      );
    });

    it.each([
      ['the secret itself', JWT_SECRET],
      ['an empty key', ''],
      ['a well-known key', 'secret'],
      ['a key of zeros', '\0'.repeat(32)],
    ])('signed with %s', async (_, other) => {
      await expectRefused(sign(HEADER, claims, other));
    });

    it.each(['refresh-token', 'cursor', 'idempotency'] as const)('signed with the key of the %s', async (purpose) => {
      await expectRefused(sign(HEADER, claims, service.app.get(Secrets).keys(purpose)[0]!));
    });

    it.each([
      ['kid', '../../../../dev/null'],
      ['kid', `' UNION SELECT 'key'--`],
      ['jku', 'https://evil.example/keys.json'],
      ['x5u', 'https://evil.example/certificate.pem'],
      ['jwk', { kty: 'oct', k: encode('the key of another person, 32 byte') }],
      ['x5c', ['MIIB']],
      ['crit', ['exp']],
      ['crit', []],
      ['b64', false],
      ['zip', 'DEF'],
      ['cty', 'JWT'],
    ])('with the header %s, even if our key signed it', async (name, value) => {
      await expectRefused(sign({ ...HEADER, [name]: value }, claims, key));
    });

    it('that contains its own key', async () => {
      const own = 'the key of another person, 32 byte';
      await expectRefused(sign({ ...HEADER, jwk: { kty: 'oct', k: encode(own) } }, claims, own));
    });

    it.each(['JWT', 'jwt', 'AT+JWT', 'application/at+jwt', 'rt+jwt', '', null, undefined, ['at+jwt']])(
      'with the type %s',
      async (typ) => {
        await expectRefused(sign({ ...HEADER, typ }, claims, key));
      },
    );

    it.each([
      ['no exp', (now: number) => ({ exp: undefined, iat: now })],
      ['an exp of null', () => ({ exp: null })],
      ['an exp in the past', (now: number) => ({ exp: now - 1 })],
      ['an exp long in the past', (now: number) => ({ iat: now - 7200, exp: now - 3600 })],
      ['an exp of 0', () => ({ exp: 0 })],
      ['a negative exp', (now: number) => ({ exp: -now })],
      ['an exp that is a string', (now: number) => ({ exp: String(now + SOON_S) })],
      ['an exp that is a list', (now: number) => ({ exp: [now + SOON_S] })],
      ['an exp that is true', () => ({ exp: true })],
      ['an exp of 1e308', () => ({ exp: 1e308 })],
      ['an exp with a fraction', (now: number) => ({ exp: now + SOON_S + 0.5 })],
      ['an exp in milliseconds', (now: number) => ({ exp: (now + SOON_S) * 1000 })],
      ['an exp beyond our lifetime', (now: number) => ({ exp: now + 3600 })],
      ['an nbf in the future', (now: number) => ({ nbf: now + 60 })],
      ['an nbf that is a string', (now: number) => ({ nbf: String(now) })],
      ['another aud', () => ({ aud: 'another-service' })],
      ['no aud', () => ({ aud: undefined })],
      ['an aud that is a list', () => ({ aud: ['crm-service'] })],
      ['an aud that is a list with others', () => ({ aud: ['another-service', 'crm-service'] })],
      ['an aud in another case', () => ({ aud: 'CRM-Service' })],
      ['another iss', () => ({ iss: 'https://evil.example' })],
      ['no iss', () => ({ iss: undefined })],
      ['an iss that is a list', () => ({ iss: ['crm-service'] })],
      ['no sub', () => ({ sub: undefined })],
      ['an empty sub', () => ({ sub: '' })],
      ['a sub that is not decimal', () => ({ sub: '1abc' })],
      ['a sub of 0', () => ({ sub: '0' })],
      ['a sub with a space', () => ({ sub: ' 1' })],
      ['the sub of an unknown user', () => ({ sub: '2147483647' })],
      ['a sub beyond the largest id', () => ({ sub: '9999999999' })],
      ['no sid', () => ({ sid: undefined })],
      ['a sid that is a string', () => ({ sid: '1' })],
      ['a sid that is a list', () => ({ sid: [1] })],
      ['a sid of null', () => ({ sid: null })],
      ['the sid of an unknown session', () => ({ sid: 2147483647 })],
      ['a sid beyond the largest id', () => ({ sid: 1e308 })],
      ['a sid with a fraction', () => ({ sid: 1.5 })],
      ['a negative sid', () => ({ sid: -1 })],
    ] as Array<[string, (now: number) => Json]>)('with %s', async (_, change) => {
      await expectRefused(sign(HEADER, { ...claims, ...change(claims.iat) }, key));
    });

    it('whose sub is a number', async () => {
      await expectRefused(sign(HEADER, { ...claims, sub: user.id }, key));
    });

    it('for the session of another user', async () => {
      const other = await service.user();
      const { sid } = decode(other.accessToken!, 1);
      await expectRefused(sign(HEADER, { ...claims, sid }, key));
      await expectRefused(sign(HEADER, { ...claims, sub: String(other.id) }, key));
    });

    it.each([
      ['header', 0],
      ['claims', 1],
      ['signature', 2],
    ])('with one bit of the %s flipped', async (_, part) => {
      const length = Buffer.from(user.accessToken!.split('.')[part]!, 'base64url').length;
      const flipped = Array.from({ length }, (_, byte) =>
        withBitFlipped(user.accessToken!, part, byte * 8 + (byte % 8)),
      );
      await Promise.all(flipped.map((token) => expectRefused(token)));
      await expectAccepted(user.accessToken!);
    });

    it('whose signature is encoded differently', async () => {
      const token = user.accessToken!;
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      // 43 characters hold 258 bits; a decoder ignores the last two.
      const last = alphabet[alphabet.indexOf(token.at(-1)!) ^ 1]!;
      const same = token.slice(0, -1) + last;
      expect(Buffer.from(same.split('.')[2]!, 'base64url')).toEqual(Buffer.from(token.split('.')[2]!, 'base64url'));
      await expectRefused(same);
      await expectRefused(`${token}=`);
      await expectRefused(`${token}A`);
      await expectRefused(`${token}.`);
      await expectRefused(`${token}.${token.split('.')[2]}`);
      await expectRefused(token.slice(0, -1));
    });

    it('that is garbage', async () => {
      const { refreshToken } = user;
      const garbage = ['x', '.', '..', '...', 'a.b.c', 'null', encode(HEADER), `${encode('7')}.${encode('7')}.x`];
      const claimless = [7, null, 'text', [], {}].map((body) => sign(HEADER, JSON.stringify(body), key));
      const headerless = [7, null, [], '{', '{}'].map((header) => sign(header, claims, key));
      const tokens = [...garbage, ...claimless, ...headerless, refreshToken!, 'a'.repeat(8_000)];
      await Promise.all(tokens.map((token) => expectRefused(token)));
    });

    it.each(['', 'none', 'at+jwt'])('that is encrypted or nested (%s)', async (enc) => {
      await expectRefused(sign({ alg: 'dir', enc, typ: 'at+jwt' }, claims, key));
      await expectRefused(sign(HEADER, sign(HEADER, claims, key), key));
    });
  });

  describe('accepts a token only in the Authorization header,', () => {
    it('ignoring the case of Bearer', async () => {
      for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
        const { status, body } = await withHeader(`${scheme} ${user.accessToken}`);
        expect([status, body.id]).toEqual([200, user.id]);
      }
    });

    it.each(['access_token', 'accessToken', 'token', 'jwt', 'authorization'])(
      'not in the query as %s',
      async (name) => {
        const { status, body, headers } = await service.anonymous.get(`/me?${name}=${user.accessToken}`);
        expect([status, body.code]).toEqual([401, 'unauthenticated']);
        expect(headers.get('www-authenticate')).toBe('Bearer realm="crm-service"');
        expect(JSON.stringify(body)).not.toContain(user.accessToken);
      },
    );

    it('not in cookies, other headers or the body', async () => {
      const token = user.accessToken!;
      for (const [name, value] of [
        ['cookie', `access_token=${token}; authorization=Bearer ${token}`],
        ['x-access-token', token],
        ['x-authorization', `Bearer ${token}`],
        ['proxy-authorization', `Bearer ${token}`],
        ['x-forwarded-authorization', `Bearer ${token}`],
      ] as const) {
        const { status, body } = await service.anonymous.get('/me', { headers: { [name]: value } });
        expect([name, status, body.code]).toEqual([name, 401, 'unauthenticated']);
      }
      const { status, body } = await service.anonymous.patch('/me', { name: 'Eve', access_token: token });
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
      const [row] = await service.dataSource.query<any[]>('SELECT name FROM users WHERE id = ?', [user.id]);
      expect(row.name).not.toBe('Eve');
    });

    it('not if the header is incomplete or contains more', async () => {
      const token = user.accessToken!;
      const wrong = [
        'Bearer',
        'bearer',
        'Bearer ',
        'Bearer null',
        'Bearer undefined',
        token,
        `Token ${token}`,
        `Basic ${token}`,
        `Basic ${Buffer.from('admin@example.com:correct horse battery').toString('base64')}`,
        `Bearer: ${token}`,
        `Bearer=${token}`,
        `Bearer "${token}"`,
        `Bearer  ${token}`,
        `Bearer\t${token}`,
        `Bearer Bearer ${token}`,
        `Bearer ${token} ${token}`,
        `Bearer ${token},${token}`,
        `Bearer ${token}, Bearer ${token}`,
        `Bearer x, Bearer ${token}`,
        `Bearer ${token}; Bearer x`,
        `Basic x, Bearer ${token}`,
      ];
      for (const authorization of wrong) {
        const { status, body, headers } = await withHeader(authorization);
        expect([authorization, status, body.code]).toEqual([authorization, 401, 'unauthenticated']);
        expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="crm-service"/);
      }
    });
  });

  describe('after a rotation of the secret', () => {
    const NEW_SECRET = 'a new secret that is long enough for HS256';
    let rotated: TestService;

    beforeAll(async () => {
      rotated = await startService(kind, { beside: service, env: { JWT_SECRET: `${NEW_SECRET},${JWT_SECRET}` } });
    });
    afterAll(() => rotated.close());

    it('tokens of the old secret are accepted', async () => {
      await expectAccepted(user.accessToken!, rotated);
      const { status, body } = await rotated.anonymous.post('/login/refresh', { refreshToken: user.refreshToken });
      expect(status).toBe(200);
      expect((await rotated.anonymous.as(body.accessToken).get('/me')).body.id).toBe(user.id);
    });

    it('new tokens are signed with the new secret', async () => {
      const { body } = await rotated.anonymous.post('/login', {
        email: 'admin@example.com',
        password: 'correct horse battery',
      });
      const [newKey, oldKey] = rotated.app.get(Secrets).keys('access-token');
      expect(oldKey!.equals(key)).toBe(true);
      const { payload } = await jwtVerify(body.accessToken, newKey!, { algorithms: ['HS256'], typ: 'at+jwt' });
      expect(payload.sub).toBe('1');
      await expect(jwtVerify(body.accessToken, oldKey!)).rejects.toThrow('signature');
      // An instance without the new secret.
      await expectRefused(body.accessToken);
      const { status } = await service.anonymous.post('/login/refresh', { refreshToken: body.refreshToken });
      expect(status).toBe(401);
      expect((await rotated.anonymous.as(body.accessToken).get('/me')).status).toBe(200);
    });

    it('tokens of other secrets are refused', async () => {
      await expectRefused(sign(HEADER, claims, 'a third secret that is long enough for HS256'), rotated);
      await expectRefused(sign(HEADER, claims, NEW_SECRET), rotated);
    });
  });

  it('accepts a token of an instance whose clock is slightly ahead', async () => {
    await expectAccepted(sign(HEADER, { ...claims, exp: claims.iat + 630 }, key));
    await expectRefused(sign(HEADER, { ...claims, exp: claims.iat + 700 }, key));
  });
});
