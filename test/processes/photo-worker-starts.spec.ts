import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '../support/client.js';
import { anotherJpeg } from '../support/images.js';
import { childrenOf } from '../support/memory.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { expectProblem } from '../support/refusals.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('an upload for which no photo worker can start', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-worker-starts-'));
  const [node, worker] = [join(directory, 'node'), join(directory, 'dist/src/photos/photo-worker.js')];
  let program: Program;
  let admin: Client;
  let id: number;

  // Node and a build of its own, which the tests take away from it
  beforeAll(async () => {
    copyFileSync(process.execPath, node);
    cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true });
    for (const name of ['package.json', 'node_modules']) symlinkSync(join(ROOT, name), join(directory, name));
    program = startProgram(
      {
        NODE_ENV: 'production',
        PORT: '0',
        DRAIN_SECONDS: '0',
        DATA_DIR: join(directory, 'data'),
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
      },
      directory,
      { node, main: join(directory, 'dist/src/main.js') },
    );
    admin = await new Client(await program.address(), API).signIn(ADMIN.email, ADMIN.password);
    id = (await admin.post('/customers', newCustomer())).body.id;
  }, 180_000);
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const upload = async () =>
    admin.put(`/customers/${id}/photo`, await anotherJpeg(), { headers: { 'content-type': 'image/jpeg' } });
  const failuresOf = (): unknown[] => program.lines().filter(({ logger }) => logger === 'Photos');

  const without = (file: string): [() => void, () => void] => [
    () => renameSync(file, `${file}-gone`),
    () => renameSync(`${file}-gone`, file),
  ];
  const limitFiles = (limit: string): void =>
    void execFileSync('prlimit', ['--pid', String(program.child.pid), `--nofile=${limit}:`]);
  const limitOf = (): string =>
    execFileSync('prlimit', ['--pid', String(program.child.pid), '--nofile', '--noheadings', '--output=SOFT'])
      .toString()
      .trim();

  it.each<[string, Record<string, unknown>, () => [() => void, () => void]]>([
    ['the worker exits at once', { exitCode: 1 }, () => without(worker)],
    ['Node was removed, as by an update', { driverCode: 'ENOENT' }, () => without(node)],
    [
      'the service has no file descriptors left',
      { driverCode: 'EMFILE' },
      () => {
        const usual = limitOf();
        return [() => limitFiles('0'), () => limitFiles(usual)];
      },
    ],
  ])('is refused as overloaded, and a later one is stored: %s', async (_, cause, prepare) => {
    const [breakIt, repair] = prepare();
    const { version, photo } = (await admin.get(`/customers/${id}`)).body;
    const failuresBefore = failuresOf().length;
    breakIt();
    // the second one is a repetition in the log
    for (let attempt = 0; attempt < 2; attempt++) {
      const refused = await upload();
      expectProblem(refused, 503, 'overloaded');
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect((await admin.get(`/customers/${id}`)).body).toMatchObject({ version, photo });
    }
    expect((await admin.patch(`/customers/${id}`, { company: 'Lives On' })).status).toBe(200);
    repair();
    expect(failuresOf().slice(failuresBefore)).toEqual([
      expect.objectContaining({
        severity: 'ERROR',
        message: 'Photos cannot be converted: the process that does it ended at its start',
        fix: expect.any(String),
        ...cause,
      }),
    ]);
    const stored = await upload();
    expect(stored.status).toBe(200);
    expect(stored.body.photo.url).not.toBe(photo?.url);
    // so that the next upload needs a new one
    for (const pid of childrenOf(program.child.pid!)) process.kill(pid, 'SIGKILL');
  });
});
