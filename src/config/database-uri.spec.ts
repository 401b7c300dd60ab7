import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { databaseUri } from './database-uri.js';

const BASE = 'mysql://crm:secret@db/crm';

const problemOf = (uri: string): string => {
  try {
    databaseUri(uri);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('a database URI', () => {
  it.each([
    [BASE, { host: 'db', port: 3306, user: 'crm', password: 'secret', database: 'crm' }],
    ['mysql+pymysql://crm:p%40ss%2Fw@db.internal:3307/crm', { host: 'db.internal', port: 3307, password: 'p@ss/w' }],
    ['mysql+mysqldb://crm:a:b@db/crm', { password: 'a:b' }],
    ['MariaDB://crm@db:/crm', { port: 3306, password: '' }],
    ['mysql://crm@127.0.0.1/crm.prod', { host: '127.0.0.1', database: 'crm.prod' }],
    ['mysql://crm@db/crm%20prod%2F1', { database: 'crm prod/1' }],
    ['mysql://crm@db/crm prod', { database: 'crm prod' }],
    ['mysql://crm@db/größe-%E2%82%AC', { database: 'größe-€' }],
    [`mysql://zo%C3%AB:${'%E2%82%AC'}@db/crm`, { user: 'zoë', password: '€' }],
    ['mysql://crm@[::1]:3307/crm', { host: '::1', port: 3307 }],
    ['mysql://crm@[fe80::1%25eth0]/crm', { host: 'fe80::1%eth0' }],
    ['mysql://crm@büro.example/crm', { host: 'xn--bro-hoa.example' }],
    ['mysql://crm@/crm?unix_socket=/run/mysqld.sock', { host: 'localhost', socketPath: '/run/mysqld.sock' }],
    [`${BASE}?socketPath=/cloudsql/p:r:i`, { socketPath: '/cloudsql/p:r:i' }],
    [`${BASE}?charset=utf8&use_unicode=1`, { database: 'crm' }],
    [`${BASE}?charset=utf8mb4`, { database: 'crm' }],
    [`${BASE}?`, { database: 'crm' }],
  ])('%s is understood', (uri, expected) => {
    expect(databaseUri(uri)).toMatchObject(expected);
  });

  it.each(['/', '@', '#', '?', '%', 'a/b', '1/2', '1?2', '@/', '/@', '?#', 'p@ss', 'a?b=c', '1/2?a=b', '%zz', '#@?'])(
    'with %s in the password names the percent-encoding, and no part of the password',
    (special) => {
      for (const host of ['@db/crm', '@db:3306/crm?charset=utf8mb4', '@db/crm?ssl=true']) {
        const problem = problemOf(`mysql://crm:zq${special}zq${host}`);
        expect(problem).toMatch(/percent-encoded: \/ as %2F, @ as %40/);
        expect(problem).not.toContain('zq');
        const encoded = `mysql://crm:zq${encodeURIComponent(special)}zq${host}`;
        expect(databaseUri(encoded).password).toBe(`zq${special}zq`);
      }
    },
  );

  it.each([
    ['mysql://crm:x@db', /must contain the name of a database/],
    ['mysql://crm:x@db/', /must contain the name of a database/],
    ['mysql://crm:x@db/?charset=utf8', /must contain the name of a database/],
    ['mysql://db/crm', /must contain a user/],
    ['mysql://:x@db/crm', /must contain a user/],
    ['mysql://crm:x@db:0/crm', /must have a port from 1 to 65535/],
    ['mysql://crm:x@db:65536/crm', /must have a port/],
    ['mysql://crm:x@db:http/crm', /must have a port/],
    ['mysql://crm:x@::1/crm', /brackets around an IPv6 address/],
    ['mysql://crm:x@[zz]/crm', /IPv6 address in brackets/],
    ['mysql://crm:x@d b/crm', /must have a host name/],
    ['mysql://crm:x@db/crm/', /percent-encoded/],
    ['postgres://crm:x@db/crm', /^must be mysql:/],
    ['mysql:crm', /^must be mysql:/],
    ['crm', /^must be mysql:/],
    [`${BASE}?connect_timeout=10`, /must not have the parameter connect_timeout; known are socketPath, /],
    [`${BASE}?foo`, /must not have the parameter foo/],
    [`${BASE}?password=zq`, /must not have the parameter password/],
    [`${BASE}?multipleStatements=true`, /the parameter multipleStatements/],
    [`${BASE}?charset=latin1`, /must have utf8mb4 as charset/],
    [`${BASE}?use_unicode=0`, /use_unicode/],
    [`${BASE}?charset=utf8&charset=utf8`, /must have the parameter charset only once/],
    [`${BASE}?socketPath=run/x.sock`, /absolute path as socketPath/],
    [`${BASE}?socketPath=/a&unix_socket=/b`, /only one of socketPath and unix_socket/],
    [`${BASE}?ssl=maybe`, /must have true or false as ssl/],
    [`${BASE}?ssl-mode=ON`, /as ssl-mode/],
    [`${BASE}?ssl-mode=DISABLED&ssl_ca=package.json`, /PEM/],
    [`${BASE}?ssl-mode=DISABLED&ssl_verify_cert=true`, /must not turn TLS off/],
    [`${BASE}?ssl=true&ssl-mode=DISABLED`, /contradict/],
    [`${BASE}?ssl-mode=REQUIRED&ssl_disabled=true`, /contradict/],
    [`${BASE}?ssl-mode=VERIFY_CA&ssl_verify_cert=false`, /ssl_verify_cert=false/],
    ['mysql://crm@127.0.0.1/crm?ssl-mode=VERIFY_IDENTITY', /host name instead of an address/],
    ['mysql://crm@[::1]/crm?ssl_check_hostname=1', /host name instead of an address/],
    [`${BASE}?ssl_ca=nowhere.pem`, /path of a readable file as ssl_ca/],
    [`${BASE}?ssl_ca=src`, /path of a readable file as ssl_ca/],
    [`${BASE}?ssl_key=package.json`, /must have a file in PEM format as ssl_key/],
    [`${BASE}?ssl_cipher=nonsense`, /as ssl_cipher/],
  ])('%s is refused', (uri, message) => {
    expect(problemOf(uri)).toMatch(message);
    expect(problemOf(uri)).not.toMatch(/zq|secret/);
  });

  it('reports all problems at once', () => {
    expect(problemOf('mysql://db:0/?foo=1&bar=2&ssl=maybe')).toMatch(
      /user.*; .*name of a database.*; .*port.*; .*foo.*; .*bar.*; .*ssl/,
    );
  });

  describe('with TLS', () => {
    const directory = mkdtempSync(join(tmpdir(), 'crm-uri-'));
    const [ca, key, other] = ['ca.pem', 'key.pem', 'other.pem'].map((name) => join(directory, name));
    beforeAll(async () => {
      const pair = await generate([{ name: 'commonName', value: 'db' }], { algorithm: 'sha256' });
      writeFileSync(ca!, pair.cert);
      writeFileSync(key!, pair.private);
      writeFileSync(other!, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n');
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    const tlsOf = (query: string): string => {
      const { tls } = databaseUri(`${BASE}?${query}`);
      if (!tls) return 'none';
      if (tls.isOptional) return 'optional';
      const { rejectUnauthorized, verifyIdentity } = tls.options;
      return verifyIdentity ? 'identity' : rejectUnauthorized ? 'authority' : 'encrypted';
    };

    it.each([
      ['', 'none'],
      ['ssl=false', 'none'],
      ['ssl_disabled=1', 'none'],
      ['ssl-mode=DISABLED', 'none'],
      ['sslmode=prefer', 'optional'],
      ['ssl_mode=preferred', 'optional'],
      ['ssl=true', 'encrypted'],
      ['ssl=1', 'encrypted'],
      ['ssl=REQUIRED', 'encrypted'],
      ['ssl-mode=REQUIRED', 'encrypted'],
      ['sslMode=required', 'encrypted'],
      ['sslmode=require', 'encrypted'],
      ['ssl=true&ssl-mode=VERIFY_CA', 'authority'],
      ['ssl={"rejectUnauthorized":false}', 'encrypted'],
      ['ssl=%7B%22rejectUnauthorized%22%3Atrue%7D', 'authority'],
      ['ssl={}', 'authority'],
      ['ssl_verify_cert=true', 'authority'],
      ['sslmode=verify-ca', 'authority'],
      ['ssl-mode=VERIFY_IDENTITY', 'identity'],
      ['sslmode=verify-full', 'identity'],
      ['ssl_verify_identity=true', 'identity'],
      ['ssl_check_hostname=true', 'identity'],
      ['ssl_check_hostname=false&ssl-mode=VERIFY_IDENTITY', 'authority'],
    ])('%s means %s', (query, expected) => {
      expect(tlsOf(query)).toBe(expected);
    });

    it('verifies the server by ssl_ca, unless told not to', () => {
      expect(tlsOf(`ssl_ca=${ca}`)).toBe('authority');
      expect(tlsOf(`ssl_ca=${ca}&ssl-mode=REQUIRED`)).toBe('authority');
      expect(tlsOf(`ssl_ca=${ca}&ssl_verify_cert=false`)).toBe('encrypted');
      expect(databaseUri(`${BASE}?ssl_ca=${ca}`).tls?.options.ca).toContain('BEGIN CERTIFICATE');
    });

    it('refuses files that do not work', () => {
      expect(problemOf(`${BASE}?ssl_cert=${ca}`)).toMatch(/ssl_cert and ssl_key together/);
      expect(problemOf(`${BASE}?ssl_cert=${key}&ssl_key=${ca}`)).toMatch(/matching files .* ssl_cert and ssl_key/);
      expect(problemOf(`${BASE}?ssl_ca=${other}`)).toMatch(/valid, .* as ssl_ca/);
      expect(problemOf(`${BASE}?ssl_cert=${ca}&ssl_key=${key}`)).toBe('');
    });
  });
});
