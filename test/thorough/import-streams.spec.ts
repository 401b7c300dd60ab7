import { setTimeout as sleep } from 'node:timers/promises';
import { onEveryDatabase } from '../support/databases.js';
import { importFile, refusedRows, sumsOf } from '../support/imports.js';
import { openImport } from '../support/open-import.js';
import { until } from '../support/program.js';
import { Rows } from '../support/rows.js';
import { startService, type TestService, unique } from '../support/service.js';
import { open, portOf } from '../support/sockets.js';

const HEADER = 'email,name,surname\n';
const isProgress = (rows: number) => (event: any) => event.event === 'progress' && event.rows >= rows;

onEveryDatabase((kind) => {
  let service: TestService;
  const rows = new Rows(() => service);
  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const lines = (count: number, key = unique()): string =>
    Array.from({ length: count }, (_, index) => `c${index}-${key}@example.com,Ana,Cruz\n`).join('');
  const createdFor = (key: string): Promise<number> =>
    rows.count('customers WHERE is_deleted = 0 AND email LIKE ?', [`%-${key}@example.com`]);
  const newAdmin = async () => {
    const user = await service.user();
    expect((await service.admin.put(`/users/${user.id}/role`, { role: 'admin' })).status).toBe(200);
    return user;
  };

  it('writes events while the file is read; what they count is committed', async () => {
    const key = unique();
    const upload = await openImport(service.admin, HEADER + lines(250, key));
    const { created } = await upload.next(isProgress(200));
    expect(await createdFor(key)).toBeGreaterThanOrEqual(created);
    upload.write(`bad\n`);
    upload.write(lines(1));
    upload.end();
    expect((await upload.rest()).at(-1)).toMatchObject({ event: 'done', rows: 252, created: 251, failed: 1 });
  });

  it('keeps what was written when the client disconnects, and frees its slot', async () => {
    const key = unique();
    const upload = await openImport(service.admin, HEADER + lines(250, key));
    const { created } = await upload.next(isProgress(200));
    expect(await importFile(service.admin, HEADER)).toMatchObject({ status: 429, body: { code: 'too_many_requests' } });
    upload.leave();
    const again = await until(async () => {
      const answer = await importFile(service.admin, HEADER + lines(300, key));
      return answer.status === 200 && answer;
    });
    const [all, ...counts] = sumsOf(again);
    expect(all).toBe(300);
    expect(counts[2]).toBeGreaterThanOrEqual(created);
    expect(await createdFor(key)).toBe(300);
  });

  it.each([
    ['demoted', 'forbidden', (id: number) => service.admin.put(`/users/${id}/role`, { role: 'user' })],
    ['signed out', 'unauthenticated', (id: number) => service.admin.delete(`/users/${id}/sessions`)],
    ['deleted', 'unauthenticated', (id: number) => service.admin.delete(`/users/${id}`)],
  ])('ends when its admin is %s', async (_, code, loseAccess) => {
    const admin = await newAdmin();
    const key = unique();
    const upload = await openImport(admin, HEADER + lines(10, unique()));
    await upload.next(isProgress(0));
    expect((await loseAccess(admin.id)).status).toBeLessThan(300);
    await sleep(600);
    upload.write(lines(200, key));
    const events = await upload.rest();
    expect(events.at(-1).event).toBe('aborted');
    expect(['unauthenticated', code]).toContain(events.at(-1).problem.code);
    expect(await createdFor(key)).toBe(0);
  });

  it('waits for a client that does not read, without holding up others', async () => {
    const admin = await newAdmin();
    const request = [
      'POST /customers/import HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${admin.accessToken}`,
      'Content-Type: text/csv',
      'Transfer-Encoding: chunked',
    ].join('\r\n');
    const socket = await open(portOf(service.admin), `${request}\r\n\r\n`);
    socket.pause();
    // every row is refused: its events fill all buffers
    const rowsOfChunk = `${'x'.repeat(200)},,\n`.repeat(300);
    const chunk = `${rowsOfChunk.length.toString(16)}\r\n${rowsOfChunk}\r\n`;
    socket.write(`${HEADER.length.toString(16)}\r\n${HEADER}\r\n`);
    let isFull = false;
    for (let sent = 0; sent < 400 && !isFull; sent++) {
      if (socket.write(chunk)) continue;
      isFull = !(await Promise.race([
        new Promise((resolve) => socket.once('drain', () => resolve(true))),
        sleep(3_000),
      ]));
    }
    expect(isFull).toBe(true);
    const created = await service.admin.post('/customers', {
      email: `${unique()}@example.com`,
      name: 'A',
      surname: 'B',
    });
    expect(created.status).toBe(201);
    expect(sumsOf(await importFile(service.admin, HEADER + lines(3)))).toEqual([3, 3, 0, 0, 0]);
    socket.destroy();
    await until(async () => (await importFile(admin, HEADER)).status === 200);
  });

  it('creates each e-mail once when files with the same rows are imported at the same time', async () => {
    const key = unique();
    const admins = [service.admin, await newAdmin(), await newAdmin()];
    const file = HEADER + lines(400, key);
    const answers = await Promise.all(admins.map((admin) => importFile(admin, file)));
    const created = answers.map((answer) => sumsOf(answer)[1]!);
    expect(created.reduce((a, b) => a + b)).toBe(400);
    expect(await createdFor(key)).toBe(400);
    expect(answers.flatMap(refusedRows)).toEqual([]);
  });

  it('updates the same customers from two files at the same time', async () => {
    const key = unique();
    await importFile(service.admin, HEADER + lines(200, key));
    const reversed = lines(200, key).trim().split('\n').reverse().join('\n').replaceAll('Ana', 'Eva');
    const answers = await Promise.all([
      importFile(service.admin, HEADER + lines(200, key).replaceAll('Ana', 'Ada'), { onConflict: 'update' }),
      importFile(await newAdmin(), HEADER + reversed, { onConflict: 'update' }),
    ]);
    for (const answer of answers) expect(sumsOf(answer)[4]).toBe(0);
    const changed = await rows.query('SELECT version FROM customers WHERE email LIKE ?', [`%-${key}@example.com`]);
    for (const { version } of changed) expect([2, 3]).toContain(version);
  });

  it('creates a customer whose e-mail only a deleted one has', async () => {
    const { id, email } = await rows.create();
    await service.admin.delete(`/customers/${id}`);
    expect(sumsOf(await importFile(service.admin, `${HEADER}${email},A,B\n`))).toEqual([1, 1, 0, 0, 0]);
  });

  it('ends with `aborted` when the instance shuts down', async () => {
    const beside = await startService(kind, kind === 'SQLite' ? {} : { beside: service });
    const client = kind === 'SQLite' ? beside.admin : beside.anonymous.as(service.admin.accessToken);
    const upload = await openImport(client, HEADER + lines(10));
    await upload.next(isProgress(0));
    const closed = beside.close();
    const events = await upload.rest();
    expect(events.at(-1)).toMatchObject({ event: 'aborted', problem: { code: 'shutting_down' } });
    await closed;
  });
});
