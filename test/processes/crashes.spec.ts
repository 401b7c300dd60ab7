import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GoogleStandIn } from '../stand-ins/google.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET } from '../support/service.js';

const directory = mkdtempSync(join(tmpdir(), 'crm-crashes-'));
afterAll(() => {
  stopPrograms();
  rmSync(directory, { recursive: true, force: true });
});

const start = (env: Record<string, string> = {}, nodeOptions: string[] = []): Program =>
  startProgram(
    {
      NODE_ENV: 'production',
      PORT: '0',
      DRAIN_SECONDS: '0',
      DATA_DIR: join(directory, 'data'),
      JWT_SECRET,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      ...env,
    },
    directory,
    { nodeOptions },
  );

/** Node options that make the program run this code on SIGUSR2. */
const onSignal = (code: string): string[] => ['--import', `data:text/javascript,process.on('SIGUSR2',()=>{${code}})`];

describe('the program', () => {
  it.each([
    ['an uncaught exception', `throw new TypeError('of the test')`, 'uncaughtException'],
    ['an unhandled rejection', `Promise.reject(new TypeError('of the test'))`, 'unhandledRejection'],
  ])('exits with 1 after %s and logs the error in its last line', async (_, code, message) => {
    const program = start({}, onSignal(code));
    await program.address();
    expect(await program.stop('SIGUSR2')).toEqual({ code: 1, signal: null });
    expect(program.lines().at(-1)).toMatchObject({ severity: 'CRITICAL', message, error: 'TypeError' });
    expect(program.lines().at(-1)!.stack_trace).toMatch(/^TypeError: of the test\n +at /);
  });

  it('keeps serving when its log is closed, and shuts down as usual', async () => {
    const program = start();
    const url = await program.address();
    program.child.stdout!.destroy();
    program.child.stderr!.destroy();
    for (let n = 0; n < 20; n++) expect((await fetch(url)).status).toBe(200);
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('is never blocked by a slow reader of its log, and still writes whole lines', async () => {
    const program = start();
    const url = await program.address();
    program.child.stdout!.pause();
    // more than a pipe holds
    const agents = { 'user-agent': 'a'.repeat(250) };
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 25 }, () => fetch(`${url}/customers`, { headers: agents })));
    expect((await fetch(url)).status).toBe(200);
    program.child.stdout!.resume();
    await until(() => program.lines().some(({ message }) => message === 'GET / 200'));
    expect(program.lines().filter(({ message }) => message === 'GET /customers 401')).toHaveLength(500);

    program.child.stdout!.pause();
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 25 }, () => fetch(`${url}/customers`, { headers: agents })));
    program.child.kill('SIGTERM');
    const [code] = (await once(program.child, 'exit')) as [number];
    expect(code).toBe(0);
    program.child.stdout!.resume();
    await program.exit;
  });

  it('survives clients that disconnect at any point of a request', async () => {
    const google = await GoogleStandIn.start();
    const program = start(google.env);
    const url = await program.address();
    const { port } = new URL(url);
    google.faults = { '/.well-known/openid-configuration': 'hangs' };
    const login = JSON.stringify({ email: ADMIN.email, password: 'wrong' });
    const json = 'Content-Type: application/json\r\n';
    const requests = [
      'GET /custo',
      'GET /docs HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50),
      'GET /login/google HTTP/1.1\r\nHost: a\r\n\r\n',
      `POST /login HTTP/1.1\r\nHost: a\r\n${json}Content-Length: 4000\r\n\r\n{"email":`,
      `POST /login HTTP/1.1\r\nHost: a\r\n${json}Content-Length: ${login.length}\r\n\r\n${login}`,
      `POST /login HTTP/1.1\r\nHost: a\r\n${json}Transfer-Encoding: chunked\r\n\r\n5\r\n{"ema\r\nzz`,
    ];
    for (const delay of [0, 5, 50])
      await Promise.all(
        requests.map(async (text) => {
          const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
          socket.write(text);
          await sleep(delay);
          socket.resetAndDestroy();
        }),
      );
    // longer than the timeout of provider requests
    await sleep(3_000);
    expect(program.child.exitCode).toBeNull();
    expect((await fetch(url)).status).toBe(200);
    expect(program.lines().filter(({ severity }) => severity === 'CRITICAL' || severity === 'ERROR')).toEqual([]);
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await google.close();
  });
});
