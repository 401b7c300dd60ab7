import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ConfigurationError, readEnv } from './env.js';
import { EXIT_CONFIGURATION } from './start-error.js';

/** 32 bytes, the minimum. */
const SECRET = '0123456789abcdef0123456789abcdef';

function problemsOf(source: Record<string, string>): string[] {
  try {
    readEnv(source);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

const accepts = (name: string, value: string): boolean =>
  !problemsOf({ [name]: value }).some(
    (problem) => problem.startsWith(`${name} `) && !/required|set together/.test(problem),
  );

describe('the environment', () => {
  it('defaults to the embedded database and to loopback', () => {
    expect(readEnv({})).toMatchObject({
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: 5000,
      PUBLIC_URL: undefined,
      TRUSTED_PROXIES: [],
      CORS_ORIGINS: [],
      DATA_DIR: '.data',
      DATABASE_URI: undefined,
      DATABASE_POOL: 10,
      JWT_SECRET: undefined,
      ADMIN_EMAIL: undefined,
      ADMIN_PASSWORD: undefined,
      DOCS: true,
      LOG_LEVEL: 'info',
    });
  });

  it('drains in production only, where a load balancer must notice the shutdown', () => {
    const defaults = ['development', 'test', 'production'].map((NODE_ENV) => readEnv({ NODE_ENV }).DRAIN_SECONDS);
    expect(defaults).toEqual([0, 0, 15]);
  });

  it('treats an empty or blank variable as unset', () => {
    const names = Object.keys(readEnv({}));
    for (const blank of ['', '   ', '\t'])
      expect(readEnv(Object.fromEntries(names.map((name) => [name, blank])))).toEqual(readEnv({}));
  });

  it('trims values', () => {
    expect(readEnv({ PORT: ' 8080 ', LOG_LEVEL: 'warn\n' })).toMatchObject({ PORT: 8080, LOG_LEVEL: 'warn' });
  });

  it('ignores unknown variables', () => {
    expect(readEnv({ PATH: '/bin', npm_config_cache: 'x' })).toEqual(readEnv({}));
  });

  it('reports every problem at once, with the name and the reason', () => {
    const problems = problemsOf({
      NODE_ENV: 'staging',
      PORT: 'http',
      PUBLIC_URL: 'crm.example.com',
      TRUSTED_PROXIES: 'everybody',
      CORS_ORIGINS: '*',
      DATABASE_URI: 'postgres://localhost/crm',
      DATABASE_POOL: '0',
      JWT_SECRET: 'short',
      ADMIN_EMAIL: 'nobody',
      ADMIN_PASSWORD: 'short',
      DOCS: 'yes',
      LOG_LEVEL: 'chatty',
    });
    expect(problems).toEqual([
      expect.stringMatching(/^ADMIN_EMAIL must be an e-mail address/),
      'ADMIN_PASSWORD must have 8 to 128 characters',
      expect.stringMatching(/^CORS_ORIGINS must be an origin/),
      'DATABASE_POOL must be an integer from 2 to 1000',
      expect.stringMatching(/^DATABASE_URI must be mysql:/),
      'DOCS must be one of on, off',
      'JWT_SECRET must contain only secrets of at least 32 bytes',
      expect.stringMatching(/^LOG_LEVEL must be one of debug, info/),
      'NODE_ENV must be one of development, test, production',
      'PORT must be an integer from 0 to 65535',
      expect.stringMatching(/^PUBLIC_URL must be an origin/),
      expect.stringMatching(/^TRUSTED_PROXIES must be IP addresses/),
    ]);
  });

  it('never shows a value, which may be a secret', () => {
    const values = {
      NODE_ENV: 'zq-env',
      PORT: 'zq-port',
      PUBLIC_URL: 'https://zq-user:zq-pass@zq-host/zq-path',
      TRUSTED_PROXIES: 'zq-proxy',
      CORS_ORIGINS: 'https://zq-origin/zq',
      DATABASE_URI: 'zq://zq-user:zq-password@zq-db/zq',
      DATABASE_POOL: 'zq-pool',
      JWT_SECRET: 'zq-secret,zq-older',
      ADMIN_EMAIL: 'zq-email',
      ADMIN_PASSWORD: 'zq-pw',
      DOCS: 'zq-docs',
      LOG_LEVEL: 'zq-level',
    };
    const error = (() => {
      try {
        return readEnv(values);
      } catch (thrown) {
        return thrown as ConfigurationError;
      }
    })();
    expect(error).toBeInstanceOf(ConfigurationError);
    const { message, problems, stack } = error as ConfigurationError;
    expect(problems).toHaveLength(12);
    expect(`${message} ${problems.join()} ${stack} ${JSON.stringify(error)}`).not.toMatch(/zq/);
    expect(message).toContain('Invalid configuration (12 problems):');
    for (const problem of problems) expect(message).toContain(`\n  ${problem}`);
  });

  it('counts one problem in the singular', () => {
    expect(() => readEnv({ TLS: 'on' })).toThrow(
      'Invalid configuration (1 problem):\n  TLS must be `self-signed` or unset',
    );
  });

  it('ends the process with EX_CONFIG', () => {
    expect(EXIT_CONFIGURATION).toBe(78);
  });

  it.each([
    ['NODE_ENV', ['development', 'test', 'production'], ['prod', 'Production', 'constructor']],
    ['HOST', ['0.0.0.0', '::', 'localhost'], []],
    ['PORT', ['0', '1', '65535', '080'], ['-1', '65536', '1e3', '0x50', '80.5', '80 81', 'Infinity', 'NaN']],
    ['DATABASE_POOL', ['2', '1000'], ['1', '1001', '-1', 'ten', '1.5']],
    ['DOCS', ['on', 'off'], ['true', 'false', 'ON', '1']],
    ['DRAIN_SECONDS', ['0', '15', '300'], ['-1', '301', '1.5', '15s']],
    ['LOG_LEVEL', ['debug', 'info', 'warn', 'error'], ['trace', 'INFO', 'log', 'silent']],
    [
      'PUBLIC_URL',
      [
        'https://crm.example.com',
        'http://localhost:5000',
        'https://crm.example.com/',
        'http://[::1]:5000',
        'HTTPS://CRM.Example.com:443/',
      ],
      [
        'crm.example.com',
        'https://crm.example.com/crm',
        'https://crm.example.com?x',
        'https://crm.example.com/?',
        'https://crm.example.com/#',
        'https://user@crm.example.com',
        'https://crm.example.com//',
        'https://crm.example.com\\',
        'https://crm.example.com:99999',
        'https:crm.example.com',
        'ftp://crm.example.com',
        'https://',
        '//x',
      ],
    ],
    [
      'CORS_ORIGINS',
      ['https://crm.example.com', 'https://a.example.com, http://localhost:3000', 'https://a.example.com,'],
      [
        '*',
        'null',
        'https://*.example.com',
        'https://a.example.com,*',
        'https://a.example.com/x',
        'https://u:p@a.example.com',
      ],
    ],
    [
      'TRUSTED_PROXIES',
      [
        '127.0.0.1',
        '10.0.0.0/8',
        '::1',
        'fd00::/8',
        'loopback,linklocal , uniquelocal',
        '35.191.0.0/16,130.211.0.0/22',
      ],
      [
        'true',
        '*',
        '1',
        'all',
        '10.0.0.0/33',
        '10.0.0/8',
        '::1/129',
        '10.0.0.0/8/8',
        '10.0.0.0/',
        '10.0.0.0/-1',
        'proxy.local',
      ],
    ],
    [
      'JWT_SECRET',
      [SECRET, `${SECRET},${SECRET}`, '🔑'.repeat(8)],
      [SECRET.slice(1), `${SECRET},short`, `short,${SECRET}`, '🔑'.repeat(7)],
    ],
    [
      'ADMIN_EMAIL',
      ['carla@example.com', 'carla@localhost'],
      ['carla', '@example.com', 'c@', 'a b@c', '\u212a@example.com', `${'a'.repeat(120)}@b`],
    ],
    ['TLS', ['self-signed'], ['on', 'true', 'Self-Signed']],
    [
      'LOGIN_RETURN_URLS',
      ['https://app.example.com/signed-in', 'http://localhost:3000', 'https://a.example.com/, https://b.example.com/x'],
      [
        '*',
        '/signed-in',
        '//app.example.com',
        'app://signed-in',
        'https://app.example.com/?next=/',
        'https://u@a.example.com',
      ],
    ],
    [
      'GOOGLE_DISCOVERY_URL',
      ['https://accounts.google.com/.well-known/openid-configuration', 'http://127.0.0.1:8080/x'],
      ['accounts.google.com', 'file:///etc/passwd', 'https://u:p@a.example.com', ''.padEnd(3, ':')],
    ],
    [
      'GOOGLE_BUCKET',
      ['crm-photos', 'photos_1.example.com'],
      ['gs://crm-photos', 'CRM', 'ab', '-abc', 'crm/photos', 'a b c'],
    ],
    ['GOOGLE_APPLICATION_CREDENTIALS', ['package.json'], ['nowhere.json', '{"type":"service_account"}']],
    ['GOOGLE_STORAGE_ENDPOINT', ['http://127.0.0.1:4443'], ['127.0.0.1:4443', 'https://storage.example.com/v1']],
    ['PHOTO_DELIVERY', ['signed'], ['private', 'on']],
    ['FACEBOOK_USER_INFO_URL', ['https://graph.facebook.com/me?fields=id,name,email'], ['graph.facebook.com/me']],
    ['ADMIN_PASSWORD', ['12345678', '🔑'.repeat(8), 'a'.repeat(128)], ['1234567', '🔑'.repeat(7), 'a'.repeat(129)]],
    [
      'DATABASE_URI',
      [
        'mysql://crm:secret@db:3306/crm',
        'mysql+pymysql://crm:secret@db/crm',
        'mariadb://crm@db/crm',
        'mysql+pymysql://crm:p%40ss%2Fword@localhost/crm?socketPath=/cloudsql/project:region:instance',
        'mysql://crm:secret@localhost/crm?socketPath=/cloudsql/project:region:instance',
      ],
      [
        'postgres://db/crm',
        'sqlite:///crm.db',
        'db/crm',
        'mysql://db',
        'mysql://db/',
        'mysql',
        'xmysql://db/crm',
        'mysql+://db/crm',
      ],
    ],
  ])('accepts valid values of %s and refuses invalid ones', (name, valid, invalid) => {
    expect(valid.filter((value) => !accepts(name, value))).toEqual([]);
    expect(invalid.filter((value) => accepts(name, value))).toEqual([]);
  });

  it('reads lists and skips empty items', () => {
    const env = readEnv({
      CORS_ORIGINS: 'https://a.example.com/, ,https://b.example.com,',
      TRUSTED_PROXIES: 'loopback,',
    });
    expect(env.CORS_ORIGINS).toEqual(['https://a.example.com', 'https://b.example.com']);
    expect(env.TRUSTED_PROXIES).toEqual(['loopback']);
  });

  it('writes origins as browsers do', () => {
    expect(readEnv({ PUBLIC_URL: 'HTTPS://CRM.Example.com:443/' }).PUBLIC_URL).toBe('https://crm.example.com');
    expect(readEnv({ PUBLIC_URL: 'http://[0:0::1]:80' }).PUBLIC_URL).toBe('http://[::1]');
    expect(readEnv({ CORS_ORIGINS: 'http://LOCALHOST:3000/' }).CORS_ORIGINS).toEqual(['http://localhost:3000']);
  });

  it('keeps the order of the secrets: the first one signs', () => {
    expect(readEnv({ JWT_SECRET: ` ${SECRET}2 , ${SECRET}1` }).JWT_SECRET).toEqual([`${SECRET}2`, `${SECRET}1`]);
  });

  it('lowercases the e-mail of the first admin, as sign-in does', () => {
    expect(readEnv({ ADMIN_EMAIL: ' Carla@Example.COM ', ADMIN_PASSWORD: 'correct horse' }).ADMIN_EMAIL).toBe(
      'carla@example.com',
    );
  });

  it('accepts an address of the first admin that only this host knows, but no invisible character', () => {
    const problems = (email: string): string[] => problemsOf({ ADMIN_EMAIL: email, ADMIN_PASSWORD: 'correct horse' });
    expect(problems('admin@localhost')).toEqual([]);
    expect(problems('ad\u200bmin@example.com')).toEqual(['ADMIN_EMAIL must be an e-mail address, but contains U+200B']);
  });

  it('prepares the password of the first admin, and applies the limits to the result', () => {
    const passwordOf = (password: string): string | undefined =>
      readEnv({ ADMIN_EMAIL: 'carla@example.com', ADMIN_PASSWORD: password }).ADMIN_PASSWORD;
    expect(passwordOf('contrasen\u0303a\u00a0１')).toBe('contraseña 1');
    expect(passwordOf('e\u0301'.repeat(128))).toBe('é'.repeat(128));
    expect(problemsOf({ ADMIN_EMAIL: 'carla@example.com', ADMIN_PASSWORD: 'e\u0301'.repeat(7) })).toHaveLength(1);
  });

  it.each([
    ['ADMIN_EMAIL alone', { ADMIN_EMAIL: 'carla@example.com' }],
    ['ADMIN_PASSWORD alone', { ADMIN_PASSWORD: 'correct horse' }],
    ['an empty ADMIN_PASSWORD', { ADMIN_EMAIL: 'carla@example.com', ADMIN_PASSWORD: '' }],
  ])('refuses %s', (_, source) => {
    expect(problemsOf(source)).toEqual([expect.stringMatching(/^ADMIN_EMAIL and ADMIN_PASSWORD must be set together/)]);
  });

  it.each(['GOOGLE_CLIENT', 'FACEBOOK_CLIENT'])('refuses only one of id and secret of %s', (name) => {
    for (const part of ['ID', 'SECRET'])
      expect(problemsOf({ [`${name}_${part}`]: 'x' })).toEqual([
        expect.stringMatching(new RegExp(`^${name}_ID and ${name}_SECRET must be set together`)),
      ]);
    expect(problemsOf({ [`${name}_ID`]: 'x', [`${name}_SECRET`]: 'x' })).toEqual([]);
  });

  it.each([
    ['no JWT_SECRET', {}],
    ['an empty JWT_SECRET', { JWT_SECRET: ' ' }],
    ['a JWT_SECRET of commas only', { JWT_SECRET: ' , ,' }],
  ])('refuses a database server with %s, as each instance would create its own secret', (_, source) => {
    const problems = problemsOf({ DATABASE_URI: 'mysql://crm@db/crm', ...source });
    expect(problems).toEqual([expect.stringMatching(/^JWT_SECRET /)]);
  });

  const server = { DATABASE_URI: 'mysql://crm@db/crm', JWT_SECRET: SECRET };

  it('reads the addresses of replicas like that of the primary', () => {
    const password = 'p%2Cw';
    const uris = `mysql://crm:${password}@r1/crm?ssl-mode=REQUIRED , mariadb://crm@[::1]:3307/crm,`;
    const { DATABASE_REPLICA_URIS } = readEnv({ ...server, DATABASE_REPLICA_URIS: uris });
    expect(DATABASE_REPLICA_URIS).toEqual([
      expect.objectContaining({ host: 'r1', port: 3306, password: 'p,w' }),
      expect.objectContaining({ host: '::1', port: 3307, password: '', tls: undefined }),
    ]);
    expect(DATABASE_REPLICA_URIS[0]!.tls).toBeDefined();
    expect(readEnv(server).DATABASE_REPLICA_URIS).toEqual([]);
  });

  it('reports the mistakes of all addresses of replicas, with their places and without their values', () => {
    const problems = (uris: string): string[] => problemsOf({ ...server, DATABASE_REPLICA_URIS: uris });
    expect(problems('mysql://zq@zq-host/')).toEqual(['DATABASE_REPLICA_URIS must contain the name of a database']);
    const password = 'zq,zq';
    const [problem, ...others] = problems(`mysql://zq:${password}@zq-host/crm,mysql://zq@zq-host/crm, zq://zq`);
    expect(others).toEqual([]);
    expect(problem).toMatch(/^DATABASE_REPLICA_URIS \(URI 1 of 4.*; \(URI 2 of 4.*; \(URI 4 of 4/);
    expect(problem).not.toMatch(/zq|URI 3/);
    expect(problems(' , ')).toEqual(['DATABASE_REPLICA_URIS must contain at least one URI']);
    expect(problemsOf({ DATABASE_REPLICA_URIS: 'mysql://crm@r1/crm' })).toEqual([
      'DATABASE_REPLICA_URIS requires DATABASE_URI: the embedded database has no replicas',
    ]);
  });

  it('starts one worker per core in production where several are possible, otherwise one', () => {
    expect(readEnv(server).WEB_CONCURRENCY).toBe(1);
    expect(readEnv({ ...server, NODE_ENV: 'production' }).WEB_CONCURRENCY).toBe(availableParallelism());
    expect(readEnv({ ...server, NODE_ENV: 'production', WEB_CONCURRENCY: '3' }).WEB_CONCURRENCY).toBe(3);
    expect(readEnv({ NODE_ENV: 'production' }).WEB_CONCURRENCY).toBe(1);
    expect(readEnv({ NODE_ENV: 'production', DATABASE_URI: ' ' }).WEB_CONCURRENCY).toBe(1);
    expect(readEnv({ ...server, NODE_ENV: 'production', TLS: 'self-signed' }).WEB_CONCURRENCY).toBe(1);
  });

  it('refuses several workers with the embedded database or with TLS', () => {
    expect(problemsOf({ WEB_CONCURRENCY: '2' })).toEqual([expect.stringMatching(/^WEB_CONCURRENCY .*DATABASE_URI/)]);
    const tls = { ...server, WEB_CONCURRENCY: '2', TLS: 'self-signed' };
    expect(problemsOf(tls)).toEqual([expect.stringMatching(/^WEB_CONCURRENCY .*TLS/)]);
  });

  it('refuses metrics on the public port', () => {
    expect(problemsOf({ PORT: '5000', METRICS_PORT: '5000' })).toEqual([expect.stringMatching(/^METRICS_PORT /)]);
    expect(problemsOf({ METRICS_PORT: '5000' })).toHaveLength(1);
    expect(problemsOf({ PORT: '0', METRICS_PORT: '0' })).toEqual([]);
  });

  it('is described in .env.example', () => {
    const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    const described = new Set([...example.matchAll(/^#?\s?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name));
    const names = Object.keys(readEnv({}));
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !described.has(name))).toEqual([]);
  });

  it('refuses public photos without a bucket', () => {
    expect(problemsOf({ PHOTO_DELIVERY: 'public' })).toEqual([
      'PHOTO_DELIVERY can be `public` only with GOOGLE_BUCKET',
    ]);
    expect(problemsOf({ PHOTO_DELIVERY: 'public', GOOGLE_BUCKET: 'crm-photos' })).toEqual([]);
  });
});
