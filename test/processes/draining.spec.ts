import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN } from '../support/service.js';
import { open } from '../support/sockets.js';

const DRAIN_MS = 2_000;

describe('shutting down', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-draining-'));
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (drainSeconds: number): Program =>
    startProgram(
      {
        NODE_ENV: 'production',
        PORT: '0',
        DATA_DIR: directory,
        DRAIN_SECONDS: String(drainSeconds),
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
      },
      directory,
    );
  /** The last lines that are not about a request. */
  const lastOf = (program: Program, count: number): string[] =>
    program
      .lines()
      .filter(({ httpRequest }) => !httpRequest)
      .map(({ message }) => message)
      .slice(-count);

  const portOf = (url: string): number => Number(new URL(url).port);

  it('keeps serving until load balancers have noticed, so that no request fails', async () => {
    const program = start(DRAIN_MS / 1000);
    const url = await program.address();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const signalled = performance.now();
    program.child.kill('SIGTERM');
    const ready = await until(async () => {
      const response = await fetch(`${url}/readyz`);
      return response.status !== 200 && response;
    });
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ code: 'shutting_down' });
    expect(ready.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(performance.now() - signalled).toBeLessThan(DRAIN_MS / 2);
    while (performance.now() - signalled < DRAIN_MS / 2) {
      const response = await fetch(`${url}/livez`);
      expect(response.status).toBe(200);
      expect(response.headers.get('connection')).toBe('close');
    }
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - signalled).toBeGreaterThanOrEqual(DRAIN_MS);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    expect(lastOf(program, 4)).toEqual([
      `Listening on ${url}`,
      'Received SIGTERM: /readyz responds 503, requests are served for another 2 s',
      'Closing the listener; waiting for requests in progress',
      'Stopped',
    ]);
  });

  it('waits for requests in progress, but not for idle connections', async () => {
    const program = start(0);
    const url = await program.address();
    const silent = await open(portOf(url), '');
    const body = JSON.stringify({ email: 'nobody@example.com', password: 'battery staple' });
    const head = `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const inProgress = await open(portOf(url), head + body.slice(0, 10));
    const response = once(inProgress, 'data');
    await sleep(200);
    program.child.kill('SIGTERM');
    await once(silent, 'close');
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    inProgress.write(body.slice(10));
    expect(String((await response)[0])).toMatch(/^HTTP\/1\.1 401 [^]*^connection: close/im);
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(program.output()).not.toMatch(/error|^\s+at /im);
  });

  it('exits at once on a second signal', async () => {
    const program = start(60);
    await program.address();
    program.child.kill('SIGTERM');
    // an earlier signal would be ignored as a duplicate that npm forwards
    await sleep(1_500);
    program.child.kill('SIGTERM');
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(lastOf(program, 1)).toEqual(['Stopped at once: received another SIGTERM']);
  });
});
