import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type CrmClient } from '../../client/src/index.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN } from '../support/service.js';

/** Keeps the password of the first admin out of the log. */
const NAMED = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };

describe('the program', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-start-'));
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const run = (variables: Record<string, string> = {}, cwd = directory): Program =>
    startProgram({ PORT: '0', DATA_DIR: join(directory, 'data'), ...variables }, cwd);

  async function signIn(baseUrl: string, email: string, password: string): Promise<CrmClient> {
    const crm = createClient({ baseUrl });
    await crm.signIn(email, password);
    return crm;
  }

  it('starts without configuration and prints its URL, and once the password of the first admin', async () => {
    const first = run();
    const url = await first.address();
    const [, email, password] = /First admin:\s+(\S+)\s+Password:\s+(\S+)/.exec(first.output()) ?? [];
    expect(email).toBe('admin@example.com');
    expect(password!.length).toBeGreaterThanOrEqual(16);
    expect(first.output().split(password!)).toHaveLength(2);
    expect(first.output()).toMatch(
      new RegExp(`API: +${url}\n +Docs: +${url}/docs\n +Sample data: +npm run crm -- seed\n`),
    );
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    expect(new URL(url).hostname).toMatch(/^(127\.0\.0\.1|localhost)$/);

    const values = { email: 'zoe@example.com', name: 'Zoë', surname: 'Straße' };
    const { id } = await (await signIn(url, email!, password!)).createCustomer(values);
    await first.stop('SIGTERM');

    const second = run();
    const again = await second.address();
    expect(second.output()).not.toMatch(/password|First admin/i);
    const crm = await signIn(again, email!, password!);
    expect((await crm.GET('/customers/{id}', { params: { path: { id } } })).data).toMatchObject(values);
    await second.stop();
  });

  describe('while it runs', () => {
    let service: Program;
    let url: string;
    beforeAll(async () => {
      service = run({ DATA_DIR: join(directory, 'running') });
      url = await service.address();
    });

    it('keeps its port: a second program exits with EADDRINUSE', async () => {
      const second = run({ DATA_DIR: join(directory, 'running'), PORT: new URL(url).port });
      expect(await second.exit).toEqual({ code: 1, signal: null });
      expect(second.output()).toContain('EADDRINUSE');
    });

    it('exits promptly and with 0 on SIGTERM despite keep-alive connections', async () => {
      // fetch keeps the connection open for the next request
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      const signalled = performance.now();
      service.child.kill('SIGTERM');
      expect(await service.exit).toEqual({ code: 0, signal: null });
      expect(performance.now() - signalled).toBeLessThan(5_000);
      expect(service.output()).not.toMatch(/error|^\s+at /im);
    });
  });

  it('creates the configured admin and does not print the password', async () => {
    const service = run({
      DATA_DIR: join(directory, 'named'),
      ADMIN_EMAIL: 'Carla@Example.com',
      ADMIN_PASSWORD: 'correct horse battery',
    });
    const url = await service.address();
    expect(service.output()).not.toContain('correct horse battery');
    const crm = await signIn(url, 'carla@example.com', 'correct horse battery');
    expect((await crm.GET('/me')).data.role).toBe('admin');
    await service.stop();
  });

  it('reads .env in its working directory; the environment takes precedence', async () => {
    const place = mkdtempSync(join(directory, 'env-'));
    writeFileSync(join(place, '.env'), 'DOCS=off\nPUBLIC_URL=https://crm.example.com\nLOG_LEVEL=nonsense\n');
    const service = run({ LOG_LEVEL: 'error', DATA_DIR: place }, place);
    expect(await service.address()).toBe('https://crm.example.com');
    expect(service.output()).not.toContain('Docs:');
    await service.stop();
  });

  it('warns of names that look misspelled, in .env and in the environment', async () => {
    const place = mkdtempSync(join(directory, 'misspelled-'));
    writeFileSync(join(place, '.env'), 'LOG_LEVLE=zq-level\nPROT=5001\nFLASK_APP=crm\nSECRET_KEY=zq-secret\n');
    const service = run(
      { NODE_ENV: 'production', DATA_DIR: place, CORS_ORIGIN: 'https://zq.example.com', ...NAMED },
      place,
    );
    await service.address();
    const warnings = service.lines().filter(({ severity }) => severity === 'WARNING');
    expect(warnings.map(({ message }) => message)).toEqual([
      '"LOG_LEVLE" is no variable of the service and has no effect; LOG_LEVEL is one',
      '"PROT" is no variable of the service and has no effect; PORT is one',
      '"CORS_ORIGIN" is no variable of the service and has no effect; CORS_ORIGINS is one',
    ]);
    expect(service.output()).not.toContain('zq');
    await service.stop();
  });

  it('names a misspelled variable with the problem that it causes', async () => {
    const place = mkdtempSync(join(directory, 'misspelled-'));
    writeFileSync(join(place, '.env'), 'DATABASE_URI=mysql://crm:pw@127.0.0.1:1/crm\nJWT_SECERT=0123456789abcdef\n');
    const service = run({}, place);
    expect(await service.exit).toEqual({ code: 78, signal: null });
    expect(service.output()).toMatch(/JWT_SECRET is required[^]*"JWT_SECERT" is no variable/);
  });

  it('reports every problem of its configuration, prints no value, and exits with 78', async () => {
    const wrong = run({
      PORT: 'zq-port',
      DATABASE_URI: 'zq://zq-user:zq-password@zq-host/zq',
      JWT_SECRET: 'zq-secret',
      CORS_ORIGINS: 'https://crm.example.com,zq-origin',
      ADMIN_PASSWORD: 'zq-admin-password',
      LOG_LEVEL: 'zq-level',
    });
    expect(await wrong.exit).toEqual({ code: 78, signal: null });
    for (const name of ['PORT', 'DATABASE_URI', 'JWT_SECRET', 'CORS_ORIGINS', 'ADMIN_EMAIL', 'LOG_LEVEL'])
      expect(wrong.output()).toMatch(new RegExp(`^ *${name} \\w+`, 'm'));
    expect(wrong.output()).not.toMatch(/zq|^\s+at |node:|\.js/m);
  });

  it('does not print the password of an unreachable database', async () => {
    const unreachable = run({
      DATABASE_URI: 'mysql://crm:zq-password@127.0.0.1:1/crm',
      JWT_SECRET: '0123456789abcdef0123456789abcdef',
    });
    const { code } = await unreachable.exit;
    expect(code).toBe(1);
    expect(unreachable.output()).toContain('ECONNREFUSED');
    expect(unreachable.output()).not.toMatch(/zq-password|0123456789abcdef/);
  });
});
