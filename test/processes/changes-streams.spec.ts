import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStream } from '../support/event-stream.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, newCustomer, startService, type TestService } from '../support/service.js';

const FEED = '/customers/changes';

describe('readers that wait for changes during a shutdown', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-changes-'));
  let program: Program;
  let url: string;
  let accessToken: string;

  beforeAll(async () => {
    program = startProgram(
      {
        PORT: '0',
        DATA_DIR: directory,
        DRAIN_SECONDS: '5',
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
      },
      directory,
    );
    url = await program.address();
    const response = await fetch(`${url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ADMIN),
    });
    ({ accessToken } = (await response.json()) as { accessToken: string });
  }, 120_000);
  afterAll(() => {
    stopPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  it('are answered when it begins, and also if they come later', async () => {
    const headers = { authorization: `Bearer ${accessToken}` };
    const poll = async (): Promise<any> => (await fetch(`${url}${FEED}?after=now&wait=25`, { headers })).json();
    const open = (): Promise<EventStream> => EventStream.open({ url, accessToken }, `${FEED}?after=now`);
    const polls = [poll(), poll()];
    const stream = await open();
    await until(() => stream.lastId !== undefined);
    await sleep(500);
    const signalled = performance.now();
    program.child.kill('SIGTERM');
    for (const page of await Promise.all(polls)) expect(page).toEqual({ data: [], page: { next: expect.any(String) } });
    await stream.ended;
    // of the 5 s of draining, and of the 25 s of the poll
    expect(performance.now() - signalled).toBeLessThan(3_000);
    expect(await poll()).toMatchObject({ data: [] });
    const late = await open();
    await late.ended;
    expect(performance.now() - signalled).toBeLessThan(4_500);
    expect(await program.exit).toEqual({ code: 0, signal: null });
  });
});

describe('an event stream', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());
  afterEach(() => service.clock.reset());

  it('sends a comment every 15 s', async () => {
    const stream = await EventStream.open(service.admin, FEED);
    await until(() => stream.comments === 1);
    const start = performance.now();
    await until(() => stream.comments === 2);
    expect(performance.now() - start).toBeGreaterThan(13_000);
    expect(performance.now() - start).toBeLessThan(17_000);
    await stream.close();
  });

  it.each([
    ['is deleted', ({ admin }: TestService, id: number) => admin.delete(`/users/${id}`)],
    ['is signed out', ({ admin }: TestService, id: number) => admin.delete(`/users/${id}/sessions`)],
    ['has an expired token', ({ clock }: TestService) => Promise.resolve(clock.forward(601_000))],
  ])('ends within 10 s when its reader %s', async (_, revoke) => {
    const user = await service.user();
    const stream = await EventStream.open(user, `${FEED}?after=now`);
    await until(() => stream.lastId !== undefined);
    await revoke(service, user.id);
    const start = performance.now();
    await stream.ended;
    expect(performance.now() - start).toBeLessThan(10_000);
    service.clock.reset();
    await service.admin.post('/customers', newCustomer());
    expect(stream.events).toEqual([]);
  });
});
