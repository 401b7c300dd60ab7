import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../support/client.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

/** For tests that start the program several times. */
const TIMEOUT_MS = 60_000;

it('refuses several workers on the embedded database, which only one process can use', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-workers-'));
  const program = startProgram({ WEB_CONCURRENCY: '2', PORT: '0', DATA_DIR: directory }, directory);
  expect(await program.exit).toEqual({ code: 78, signal: null });
  expect(program.output()).toContain('WEB_CONCURRENCY');
  rmSync(directory, { recursive: true, force: true });
});

const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;
declareOnServer('two workers', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-workers-'));
  let database: TestDatabase;
  let program: Program;
  let anonymous: Client;
  let metrics: string;

  const settings = (): Record<string, string> => ({
    NODE_ENV: 'production',
    WEB_CONCURRENCY: '2',
    PORT: '0',
    METRICS_PORT: '0',
    DRAIN_SECONDS: '1',
    DATA_DIR: directory,
    DATABASE_URI: database.uri!,
    JWT_SECRET,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    TRUSTED_PROXIES: 'loopback',
  });

  beforeAll(async () => {
    database = await createDatabase('MariaDB');
    program = startProgram(settings(), directory);
    // each request uses a new connection; connections go to the workers in turn
    anonymous = new Client(await program.address(), API);
    const line = await until(() => program.lines().find(({ message }) => message.startsWith('Metrics are')));
    metrics = `http://127.0.0.1:${line.port}/metrics`;
    await until(async () => (await workers()) === 2);
  }, TIMEOUT_MS);
  afterAll(async () => {
    stopPrograms();
    await program.exit;
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const scrape = async (): Promise<string> => (await fetch(metrics)).text();
  const sample = (text: string, series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1],
    );
  const workers = async (): Promise<number> => sample(await scrape(), 'crm_workers');

  /** Returns which worker served each of the requests. */
  const servers = (ids: Array<string | null>): Promise<number[]> =>
    until(() => {
      const found = program.lines().filter(({ requestId }) => ids.includes(requestId as string));
      return found.length === ids.length && found.map(({ worker }) => worker as number);
    });

  /** Sends the request several times, so that both workers serve it. */
  async function onBothWorkers(path: string, client: Client): Promise<IncomingMessage[]> {
    const responses = [];
    for (let n = 0; n < 4; n++) responses.push(await getOnNewConnection(client, path));
    const ids = responses.map(({ headers }) => headers['x-request-id'] as string);
    expect(new Set(await servers(ids)).size).toBe(2);
    return responses;
  }

  it('log their URL once, migrate once, and create one first admin', () => {
    const messages = program.lines().map(({ message }) => message);
    const times = (text: string): number => messages.filter((message) => message.includes(text)).length;
    expect(times('Listening')).toBe(1);
    expect(times('Applied FlaskSchema')).toBe(1);
    expect(messages.filter((message) => /first admin/.test(message))).toHaveLength(1);
  });

  it('share sessions: signing out on one worker takes effect on the other at once', async () => {
    const user = await anonymous.signIn(ADMIN.email, ADMIN.password);
    for (const { statusCode } of await onBothWorkers('/me', user)) expect(statusCode).toBe(200);
    expect((await user.post('/logout')).status).toBe(204);
    for (const { statusCode } of await onBothWorkers('/me', user)) expect(statusCode).toBe(401);
  });

  it('share the limits on wrong passwords', async () => {
    const admin = await anonymous.signIn(ADMIN.email, ADMIN.password);
    const { body: user } = await admin.post('/users', {
      ...{ email: 'guessed@example.com', name: 'Ben', surname: 'Müller', password: 'battery staple' },
    });
    const answers = [];
    for (let n = 0; n < 8; n++) {
      const headers = { 'x-forwarded-for': '203.0.113.9', connection: 'close' };
      answers.push(await anonymous.post('/login', { email: user.email, password: `wrong ${n}` }, { headers }));
    }
    // six attempts without delay, then the limit
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401, 429, 429]);
    expect(new Set(await servers(answers.map(({ headers }) => headers.get('x-request-id')))).size).toBe(2);
  });

  it('sum up their metrics', async () => {
    const before =
      sample(await scrape(), 'http_request_duration_seconds_count{method="GET",route="/",status="200"}') || 0;
    await onBothWorkers('/', anonymous);
    const text = await scrape();
    expect(sample(text, 'http_request_duration_seconds_count{method="GET",route="/",status="200"}')).toBe(before + 4);
    expect(sample(text, 'crm_workers')).toBe(2);
    // each worker has its own pool
    const connections = sample(text, 'crm_database_pool_in_use') + sample(text, 'crm_database_pool_idle');
    expect(connections).toBeGreaterThanOrEqual(2);
  });

  it(
    'are restarted after a crash, while the other one keeps serving',
    async () => {
      const pid = (await pids(program.child.pid!))[0]!;
      process.kill(pid, 'SIGKILL');
      const line = await until(() => program.lines().find((candidate) => candidate.pid === pid));
      expect(line).toMatchObject({ severity: 'ERROR', signal: 'SIGKILL' });
      for (let n = 0; n < 4; n++) expect((await getOnNewConnection(anonymous, '/readyz')).statusCode).toBe(200);
      await until(async () => (await workers()) === 2);
      expect(sample(await scrape(), 'crm_workers_replaced_total')).toBe(1);
      await bothPids(program);
    },
    TIMEOUT_MS,
  );

  it(
    'restart with growing delays in a crash loop',
    async () => {
      const delays = (): number[] =>
        program
          .lines()
          .map(({ message }) => Number(/restarting in ([\d.]+) s/.exec(message)?.[1]))
          .filter(Boolean);
      for (let crashes = delays().length; crashes < 4; crashes = delays().length) {
        // the younger one, so that the port stays open
        const [, pid] = await bothPids(program);
        process.kill(pid!, 'SIGKILL');
        await until(() => delays().length > crashes);
      }
      expect(delays()).toEqual([0.2, 0.4, 0.8, 1.6]);
    },
    TIMEOUT_MS,
  );

  it(
    'complete their requests on SIGTERM, and the program exits with 0',
    async () => {
      await until(async () => (await workers()) === 2);
      const admin = await anonymous.signIn(ADMIN.email, ADMIN.password);
      const inProgress = Array.from({ length: 8 }, () => admin.post('/customers', newCustomer()));
      const signingIn = anonymous.post('/login', { email: ADMIN.email, password: ADMIN.password });
      await new Promise((resolve) => setTimeout(resolve, 20));
      const pidsBefore = await pids(program.child.pid!);
      // systemd signals the whole process group, so workers receive the signal twice
      for (const pid of pidsBefore) process.kill(pid, 'SIGTERM');
      expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      expect((await Promise.all(inProgress)).map(({ status }) => status)).toEqual(Array(8).fill(201));
      expect((await signingIn).status).toBe(200);
      expect(program.lines().filter(({ severity }) => severity === 'CRITICAL')).toEqual([]);
      const messages = program.lines().map(({ message }) => message);
      expect(messages).toContain('Received SIGTERM: stopping 2 workers');
      expect(messages.filter((message) => message === 'Stopped')).toHaveLength(2);
      expect(messages.at(-1)).toBe('Stopped: all workers have exited');
      for (const pid of pidsBefore) await hasEnded(pid);
    },
    TIMEOUT_MS,
  );

  it(
    'exit at once on a second signal',
    async () => {
      const slow = startProgram(settings(), directory);
      await slow.address();
      const [first] = await bothPids(slow);
      // a worker that cannot exit
      process.kill(first!, 'SIGSTOP');
      slow.child.kill('SIGTERM');
      await until(async () => (await pids(slow.child.pid!)).length === 1);
      // an earlier signal would be ignored as a duplicate that npm forwards
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      expect(slow.child.exitCode).toBeNull();
      expect(await slow.stop('SIGTERM')).toEqual({ code: 1, signal: null });
      await hasEnded(first!);
    },
    TIMEOUT_MS,
  );

  it(
    'exit when their primary process is killed',
    async () => {
      const killed = startProgram(settings(), directory);
      await killed.address();
      const found = await bothPids(killed);
      await killed.stop('SIGKILL');
      for (const pid of found) await hasEnded(pid);
    },
    TIMEOUT_MS,
  );

  it('do not start when the first one fails to start', async () => {
    const unreachable = startProgram({ ...settings(), DATABASE_URI: 'mysql://crm:zq@127.0.0.1:1/crm' }, directory);
    expect(await unreachable.exit).toEqual({ code: 1, signal: null });
    expect(unreachable.output().split('Could not start')).toHaveLength(2);
  });
});

/** Returns the process ids of the workers of a program. */
async function pids(parent: number): Promise<number[]> {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

const bothPids = ({ child }: Program): Promise<number[]> =>
  until(async () => {
    const found = await pids(child.pid!);
    return found.length === 2 && found;
  });

const hasEnded = (pid: number): Promise<boolean> =>
  until(() => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  });

/** Sends a request on a new connection. */
function getOnNewConnection({ url, accessToken }: Client, path: string): Promise<IncomingMessage> {
  const headers = accessToken ? { authorization: `Bearer ${accessToken}` } : {};
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { headers, agent: new Agent({ keepAlive: false }) }, (response) =>
      resolve(response.resume()),
    ).on('error', reject);
  });
}
