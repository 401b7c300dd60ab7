import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { someAddress } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { newUser, startService, type TestService } from './support/service.js';

const JSON_TYPE = { 'content-type': 'application/json' };
/** More than any check of a hash may take on an idle machine, and far less than what the forged ones ask for. */
const BOUNDED_MS = 3_000;

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** As `werkzeug.security.generate_password_hash` writes them: the salt is text, the digest hexadecimal. */
const werkzeugPbkdf2 = (password: string, salt = 'aBcDeF12'): string =>
  `pbkdf2:sha256:150000$${salt}$${pbkdf2Sync(password, salt, 150_000, 32, 'sha256').toString('hex')}`;

const werkzeugScrypt = (password: string, salt = 'aBcDeF12GhIjKl34'): string => {
  const options = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
  return `scrypt:32768:8:1$${salt}$${scryptSync(password, salt, 64, options).toString('hex')}`;
};

onEveryDatabase((kind) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const signIn = (email: unknown, password: unknown) => service.anonymous.post('/login', { email, password });

  /** The bytes of the answer, beside what the client makes of them. */
  async function send(body: RequestInit['body'], headers: Record<string, string> = JSON_TYPE) {
    const started = performance.now();
    const response = await fetch(`${service.anonymous.url}/login`, {
      method: 'POST',
      headers: { 'x-forwarded-for': someAddress(), ...headers },
      body,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, ms: performance.now() - started };
  }

  async function createUser(overrides: Record<string, unknown> = {}) {
    const values = newUser(overrides);
    const { status, body } = await service.admin.post('/users', values);
    expect(status).toBe(201);
    return { ...values, id: body.id as number };
  }

  const rowOf = async (id: number) =>
    (await service.dataSource.query<any[]>('SELECT * FROM users WHERE id = ?', [id]))[0];

  const sessionsOf = async (id: number) =>
    (await service.dataSource.query<unknown[]>('SELECT id FROM sessions WHERE user_id = ?', [id])).length;

  /** A user whose hash is this one, as if the service before had written it. */
  async function createUserWithHash(hash: string) {
    const user = await createUser();
    await service.dataSource.query('UPDATE users SET password_hash = ? WHERE id = ?', [hash, user.id]);
    return user;
  }

  /** One of every kind that a refusal must not tell from the others. */
  async function refusedLogins(): Promise<Record<string, { email: string; password: string }>> {
    const [known, deleted, invited, legacy] = await Promise.all([
      createUser(),
      createUser(),
      createUser({ password: undefined }),
      createUserWithHash(werkzeugPbkdf2('the password of before')),
    ]);
    expect((await service.admin.delete(`/users/${deleted.id}`)).status).toBe(204);
    return {
      'wrong password': { email: known.email, password: 'not the password' },
      'unknown e-mail': { email: newUser().email, password: known.password },
      'deleted user': { email: deleted.email, password: deleted.password },
      'user without a password': { email: invited.email, password: 'battery staple' },
      'wrong password of a Werkzeug hash': { email: legacy.email, password: 'not the password' },
    };
  }

  describe('with the right password', () => {
    it('answers with tokens that open the profile', async () => {
      const { id, email, password } = await createUser();
      const { status, body, headers } = await signIn(email, password);
      expect(status).toBe(200);
      expect(body).toMatchObject({ tokenType: 'Bearer', expiresIn: 600 });
      expect(headers.get('cache-control')).toMatch(/no-store|no-cache/);
      const { refreshExpiresIn } = body;
      expect(Math.abs(refreshExpiresIn - 14 * 24 * 60 * 60)).toBeLessThan(10);
      expect((await service.anonymous.as(body.accessToken).get('/me')).body).toMatchObject({ id, email });
      expect(await sessionsOf(id)).toBe(1);
    });

    it('takes the e-mail in any case and with space around it', async () => {
      const { id, email, password } = await createUser();
      const forms = [email.toUpperCase(), `  ${email}  `, `\t${email[0]!.toUpperCase()}${email.slice(1)}\n`];
      const answers = await Promise.all(forms.map((form) => signIn(form, password)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await sessionsOf(id)).toBe(3);
    });

    it('takes the password as it is: its case, its spaces and all of its 128 characters count', async () => {
      const password = ` ${'é🔑'.repeat(63)}A`;
      expect([...password]).toHaveLength(128);
      const { email } = await createUser({ password });
      const others = [password.trim(), password.toLowerCase(), password.slice(0, -1), password.normalize('NFD')];
      const answers = await Promise.all(others.map((other) => signIn(email, other)));
      expect(answers.map(({ body }) => body.code)).not.toContain(undefined);
      expect((await signIn(email, password)).status).toBe(200);
    });
  });

  describe('refuses', () => {
    it.each([
      ['an empty text', ''],
      ['null', null],
      ['an object', {}],
      ['a list', []],
      ['0', 0],
      ['true', true],
    ])('%s as a password and as an e-mail, before anything is looked up', async (_, value) => {
      const { id, email, password } = await createUser();
      for (const [pointer, body] of [
        ['/password', { email, password: value }],
        ['/email', { email: value, password }],
      ] as const) {
        const answer = await service.anonymous.post('/login', body);
        expect(answer.status).toBe(400);
        expect(answer.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
      }
      expect(await sessionsOf(id)).toBe(0);
    });

    it.each([
      ['an operator as the e-mail', { email: { $ne: null }, password: 'battery staple' }],
      ['a list of e-mails', { email: ['admin@example.com'], password: 'battery staple' }],
      ['no password', { email: 'admin@example.com' }],
      ['no e-mail', { password: 'battery staple' }],
      ['an unknown member', { email: 'admin@example.com', password: 'correct horse battery', role: 'admin' }],
      ['a list', [{ email: 'admin@example.com', password: 'correct horse battery' }]],
      ['a number', 7],
      ['null', null],
    ])('%s', async (_, body) => {
      const answer = await service.anonymous.post('/login', body);
      expect(answer.status).toBe(400);
      expect(answer.body.code).toBe('invalid_request');
    });

    it('a password of 129 characters before it is hashed, and cuts nothing off', async () => {
      const password = 'p'.repeat(128);
      const { id, email } = await createUser({ password });
      const answer = await signIn(email, `${password}p`);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: '/password', code: 'too_long' }],
      });
      expect(await sessionsOf(id)).toBe(0);
      expect((await signIn(email, password)).status).toBe(200);
    });

    it('more than 8 KiB', async () => {
      const { id, email, password } = await createUser();
      const body = JSON.stringify({ email, password });
      const [fits, doesNot, byFar] = await Promise.all([
        service.anonymous.post('/login', body.padEnd(8192)),
        service.anonymous.post('/login', body.padEnd(8193)),
        service.anonymous.post('/login', { email, password: 'p'.repeat(60_000) }),
      ]);
      expect(fits.status).toBe(200);
      expect([doesNot.status, doesNot.body.code]).toEqual([413, 'payload_too_large']);
      expect([byFar.status, byFar.body.code]).toEqual([413, 'payload_too_large']);
      expect(await sessionsOf(id)).toBe(1);
    });

    it('everything but JSON, which a page of another site could send without asking', async () => {
      const { id, email, password } = await createUser();
      const json = JSON.stringify({ email, password });
      const form = new FormData();
      form.set('email', email);
      form.set('password', password);
      const answers = await Promise.all([
        send(new URLSearchParams({ email, password }), {}),
        send(json, { 'content-type': 'text/plain' }),
        send(json, { 'content-type': 'text/plain; application/json' }),
        send(json, { 'content-type': 'application/x-www-form-urlencoded' }),
        send(form, {}),
        // fetch names no type for bytes
        send(new TextEncoder().encode(json), {}),
      ]);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 415));
      for (const { text } of answers) expect(JSON.parse(text).code).toBe('unsupported_media_type');
      expect(await sessionsOf(id)).toBe(0);
      expect((await send(json, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
    });

    it('whoever cannot sign in with the same bytes, whatever the reason', async () => {
      const logins = await refusedLogins();
      const headers = { ...JSON_TYPE, 'x-request-id': 'the-same-for-all' };
      const answers = await Promise.all(Object.values(logins).map((login) => send(JSON.stringify(login), headers)));
      const [first] = answers;
      expect(first!.status).toBe(401);
      expect(JSON.parse(first!.text).code).toBe('invalid_credentials');
      expect(first!.headers.get('www-authenticate')).toMatch(/^Bearer /);
      const visible = ({ status, headers, text }: (typeof answers)[number]) => ({
        status,
        text,
        headers: [...headers].filter(([name]) => name !== 'date'),
      });
      const expected = visible(first!);
      for (const answer of answers) expect(visible(answer)).toEqual(expected);
    });

    it('whoever cannot sign in after the same time, whatever the reason', async () => {
      const logins = Object.entries(await refusedLogins());
      const probe = async (login: object) => {
        const { status, ms } = await send(JSON.stringify(login));
        expect(status).toBe(401);
        return ms;
      };
      /** How many times as long the slowest reason takes as the quickest. */
      const spread = async () => {
        const probes = logins.map((): Array<Promise<number>> => []);
        for (let sample = 0; sample < 8; sample++)
          for (const [index, [, login]] of logins.entries()) {
            probes[index]!.push(probe(login));
            // one by one: in a queue, all would wait for each other, whatever their own check costs
            await sleep(50);
          }
        const medians = await Promise.all(probes.map(async (times) => median(await Promise.all(times))));
        return Math.max(...medians) / Math.min(...medians);
      };
      // what another program takes of the machine is not there every time; what a reason takes is
      let measured = Infinity;
      for (let round = 0; round < 3 && measured > 1.5; round++) measured = await spread();
      expect(measured).toBeLessThan(1.5);
    });
  });

  describe('hashes of the service before', () => {
    /** For each of the hashes there is a user whose row is left as it was. */
    async function expectRefusedSoon(forged: string[]) {
      const users = await Promise.all(forged.map(createUserWithHash));
      const signInAll = async (emails: string[]) => {
        const started = performance.now();
        const answers = await Promise.all(emails.map((email) => signIn(email, 'battery staple')));
        return { answers, ms: performance.now() - started };
      };
      // how long it takes to refuse as many others, when the machine is as busy as it is
      const usual = await signInAll(users.map(() => newUser().email));
      const { answers, ms } = await signInAll(users.map(({ email }) => email));
      expect(ms).toBeLessThan(Math.max(BOUNDED_MS, 3 * usual.ms));
      expect(answers.map(({ status }, index) => [forged[index], status])).toEqual(forged.map((hash) => [hash, 401]));
      expect(new Set(answers.map(({ body }) => body.code))).toEqual(new Set(['invalid_credentials']));
      for (const [index, { id }] of users.entries()) expect((await rowOf(id)).password_hash).toBe(forged[index]);
    }

    it.each([
      ['pbkdf2', werkzeugPbkdf2],
      ['scrypt', werkzeugScrypt],
    ])('%s signs in, and is argon2id from then on', async (_, hashOf) => {
      const password = 'contraseña de Ana';
      const user = await createUserWithHash(hashOf(password));
      const before = await rowOf(user.id);

      expect((await signIn(user.email, 'contrasena de Ana')).status).toBe(401);
      expect(await rowOf(user.id)).toEqual(before);

      expect((await signIn(user.email, password)).status).toBe(200);
      const after = await rowOf(user.id);
      expect(after.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      // it is the same password: nobody changed anything
      expect(after).toEqual({ ...before, password_hash: after.password_hash });
      expect((await signIn(user.email, password)).status).toBe(200);
      expect((await rowOf(user.id)).password_hash).toBe(after.password_hash);
    });

    it('sign in when two clients come first at once', async () => {
      const user = await createUserWithHash(werkzeugPbkdf2('battery staple'));
      const answers = await Promise.all([1, 2, 3].map(() => signIn(user.email, 'battery staple')));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await signIn(user.email, 'battery staple')).status).toBe(200);
    });

    it('are refused if they are forged, in bounded time', async () => {
      const digest = 'a'.repeat(64);
      const forged = [
        `pbkdf2:sha256:99999999999$salt$aa`,
        `pbkdf2:sha256:99999999999$salt$${digest}`,
        `pbkdf2:sha256:9999999$salt$${digest}`,
        `pbkdf2:sha256:0$salt$${digest}`,
        `pbkdf2:sha256:-1$salt$${digest}`,
        `pbkdf2:sha256:1$salt$`,
        `pbkdf2:md5:1$salt$${digest}`,
        `pbkdf2:sha256$salt$${digest}`,
        `md5$salt$${digest}`,
        `plain$$battery staple`,
        `battery staple`,
        `scrypt:1073741824:8:1$salt$${digest}${digest}`,
        `scrypt:32768:99:1$salt$${digest}${digest}`,
        `scrypt:32768:8:99999$salt$${digest}${digest}`,
        `scrypt:32767:8:1$salt$${digest}${digest}`,
        `scrypt:0:0:0$salt$${digest}${digest}`,
        `$argon2id$`,
        `$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$!!!`,
        `$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`,
        `$`,
        ``,
      ];
      await expectRefusedSoon(forged);
    });

    it('are refused if somebody forged an argon2id that asks for gigabytes and minutes', async () => {
      const rest = 'EuHwnLX2qTa/fKlTjcUcug$EcrJu++KDe5EmlXryrorQPoWj8K+8Yw0h9k74tj1oMc';
      await expectRefusedSoon([`$argon2id$v=19$m=262144,t=60,p=1$${rest}`]);
    });
  });

  it('serves 50 sign-ins at once or asks to come back, and answers others meanwhile', async () => {
    const { id, email, password } = await createUser();
    let underWay = 50;
    const signIns = Array.from({ length: 50 }, () => signIn(email, password).finally(() => underWay--));
    const waits: number[] = [];
    do {
      const started = performance.now();
      expect((await service.anonymous.get('/livez')).status).toBe(200);
      waits.push(performance.now() - started);
    } while (underWay > 0);
    const answers = await Promise.all(signIns);
    for (const { status, headers } of answers)
      if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      else expect(status).toBe(200);
    const signedIn = answers.filter(({ status }) => status === 200).length;
    expect(signedIn).toBeGreaterThan(0);
    expect(await sessionsOf(id)).toBe(signedIn);
    expect(waits.length).toBeGreaterThan(5);
    expect(median(waits)).toBeLessThan(100);
    const [nearlyAll] = waits.toSorted((a, b) => a - b).slice(Math.floor(0.9 * waits.length));
    expect(nearlyAll).toBeLessThan(1_000);
  });

  it('sheds what it cannot hash soon, rather than let everybody wait', async () => {
    const answers = await Promise.all(Array.from({ length: 250 }, () => signIn(newUser().email, 'battery staple')));
    const shed = answers.filter(({ status }) => status === 503);
    expect(shed.length).toBeGreaterThan(0);
    for (const { body, headers } of shed) {
      expect(body.code).toBe('overloaded');
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(250 - shed.length);
  });
});
