import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { open } from '../support/sockets.js';

const DRAIN_MS = 2_000;

describe('the end of the program', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-draining-'));
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (drainSeconds: number): Program =>
    startProgram({ PORT: '0', DATA_DIR: directory, DRAIN_SECONDS: String(drainSeconds) }, directory);

  const portOf = (url: string): number => Number(new URL(url).port);

  it('is told to load balancers first: requests are served until they have noticed, and none fails', async () => {
    const program = start(DRAIN_MS / 1000);
    const url = await program.address();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const signalled = performance.now();
    program.child.kill('SIGTERM');
    const ready = await until(async () => {
      const answer = await fetch(`${url}/readyz`);
      return answer.status !== 200 && answer;
    });
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ code: 'shutting_down' });
    expect(ready.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(performance.now() - signalled).toBeLessThan(DRAIN_MS / 2);
    while (performance.now() - signalled < DRAIN_MS / 2) {
      const answer = await fetch(`${url}/livez`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('connection')).toBe('close');
    }
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - signalled).toBeGreaterThanOrEqual(DRAIN_MS);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  it('waits for what is in flight, and not for connections that nobody uses', async () => {
    const program = start(0);
    const url = await program.address();
    const silent = await open(portOf(url), '');
    const body = JSON.stringify({ email: 'nobody@example.com', password: 'battery staple' });
    const head = `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const inFlight = await open(portOf(url), head + body.slice(0, 10));
    const answer = once(inFlight, 'data');
    await sleep(200);
    program.child.kill('SIGTERM');
    await once(silent, 'close');
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    inFlight.write(body.slice(10));
    expect(String((await answer)[0])).toMatch(/^HTTP\/1\.1 401 [^]*^connection: close/im);
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(program.output()).not.toMatch(/error|^\s+at /im);
  });

  it('comes at once at a second signal', async () => {
    const program = start(60);
    await program.address();
    program.child.kill('SIGTERM');
    // sooner it is taken for the same, which npm has passed on
    await sleep(1_500);
    program.child.kill('SIGTERM');
    expect(await program.exit).toEqual({ code: 1, signal: null });
  });
});
