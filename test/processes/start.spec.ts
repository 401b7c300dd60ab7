import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newCustomer } from '../support/service.js';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

interface Run {
  child: ChildProcess;
  /** All that it has printed so far. */
  output: () => string;
  exit: Promise<{ code: number | null; signal: string | null }>;
}

describe('the program', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-start-'));
  const running = new Set<ChildProcess>();
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  /** Somewhere without a `.env`, and with nothing of our own environment. */
  function run(variables: Record<string, string> = {}, cwd = directory): Run {
    const env = { PORT: '0', DATA_DIR: join(directory, 'data'), ...variables };
    const child = spawn(process.execPath, [MAIN], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
    const exit = once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      return { code: code as number | null, signal: signal as string | null };
    });
    return { child, output: () => text, exit };
  }

  async function address({ output, exit, child }: Run): Promise<string> {
    for (;;) {
      const url = /API:\s+(http\S+)\n/.exec(output())?.[1];
      if (url) return url;
      await Promise.race([
        once(child.stdout!, 'data'),
        exit.then(() => Promise.reject(new Error(`ended before it listened: ${output()}`))),
      ]);
    }
  }

  const post = (url: string, body: unknown, token?: string): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });

  it('starts without configuration, says where it is, and tells the first admin’s password that once', async () => {
    const first = run();
    const url = await address(first);
    const [, email, password] = /First admin: (\S+)\s+Password:\s+(\S+)/.exec(first.output()) ?? [];
    expect(email).toBe('admin@example.com');
    expect(password!.length).toBeGreaterThanOrEqual(16);
    expect(first.output().split(password!)).toHaveLength(2);
    expect(first.output()).toContain(`Docs: ${url}/docs`);
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    expect(new URL(url).hostname).toMatch(/^(127\.0\.0\.1|localhost)$/);

    const signedIn = await post(`${url}/login`, { email, password });
    expect(signedIn.status).toBe(200);
    const { accessToken } = (await signedIn.json()) as { accessToken: string };
    const created = await post(`${url}/customers`, newCustomer({ name: 'Zoë' }), accessToken);
    expect(created.status).toBe(201);
    first.child.kill('SIGTERM');
    await first.exit;

    const second = run();
    const again = await address(second);
    expect(second.output()).not.toMatch(/password|First admin/i);
    const found = await fetch(`${again}${created.headers.get('location')}`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    expect(found.status).toBe(200);
    expect(await found.json()).toMatchObject({ name: 'Zoë' });
    expect((await post(`${again}/login`, { email, password })).status).toBe(200);
    second.child.kill('SIGKILL');
    await second.exit;
  });

  describe('that runs', () => {
    let service: Run;
    let url: string;
    beforeAll(async () => {
      service = run({ DATA_DIR: join(directory, 'running') });
      url = await address(service);
    });

    it('keeps its port: another says so, and ends', async () => {
      const second = run({ DATA_DIR: join(directory, 'running'), PORT: new URL(url).port });
      expect(await second.exit).toEqual({ code: 1, signal: null });
      expect(second.output()).toContain('EADDRINUSE');
    });

    it('ends on SIGTERM, promptly and with 0, though clients keep their connections', async () => {
      // fetch keeps the connection open for the next request
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      const start = performance.now();
      service.child.kill('SIGTERM');
      expect(await service.exit).toEqual({ code: 0, signal: null });
      expect(performance.now() - start).toBeLessThan(5_000);
      expect(service.output()).not.toMatch(/error|^\s+at /im);
    });
  });

  it('makes the admin that it is told to make, and does not print their password', async () => {
    const service = run({
      DATA_DIR: join(directory, 'named'),
      ADMIN_EMAIL: 'Carla@Example.com',
      ADMIN_PASSWORD: 'correct horse battery',
    });
    const url = await address(service);
    expect(service.output()).not.toContain('correct horse battery');
    const { status } = await post(`${url}/login`, { email: 'carla@example.com', password: 'correct horse battery' });
    expect(status).toBe(200);
    service.child.kill('SIGKILL');
    await service.exit;
  });

  it('reads .env where it is started; the environment wins', async () => {
    const place = mkdtempSync(join(directory, 'env-'));
    writeFileSync(join(place, '.env'), 'DOCS=off\nPUBLIC_URL=https://crm.example.com\nLOG_LEVEL=nonsense\n');
    const service = run({ LOG_LEVEL: 'error', DATA_DIR: place }, place);
    expect(await address(service)).toBe('https://crm.example.com');
    expect(service.output()).not.toContain('Docs:');
    service.child.kill('SIGKILL');
    await service.exit;
  });

  it('reports every mistake of its configuration, shows no value, and ends with 78', async () => {
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

  it('does not show the password of a database that it cannot reach', async () => {
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
