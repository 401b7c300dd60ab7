import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { onEveryDatabase } from '../support/databases.js';
import { until } from '../support/program.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [, PROGRAM = ''] =
  /```js\n(import [^]*?)```/.exec(readFileSync(join(ROOT, 'docs/changes-feed.md'), 'utf8')) ?? [];

onEveryDatabase((kind) => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-mirror-'));
  const file = join(directory, 'mirror.sqlite');
  let service: TestService;
  let consumer: ChildProcess | undefined;
  let errors = '';
  let env: Record<string, string>;

  beforeAll(async () => {
    service = await startService(kind);
    const { email, password } = await service.user();
    env = { CRM_URL: service.anonymous.url, CRM_EMAIL: email, CRM_PASSWORD: password, MIRROR: file };
    writeFileSync(join(directory, 'mirror.mjs'), PROGRAM);
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  });
  afterAll(async () => {
    consumer?.kill('SIGKILL');
    await service.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function start(): void {
    consumer = spawn(process.execPath, ['mirror.mjs'], { cwd: directory, env, stdio: ['ignore', 'ignore', 'pipe'] });
    consumer.stderr!.on('data', (chunk) => (errors += String(chunk)));
  }
  async function stop(): Promise<void> {
    consumer!.kill('SIGKILL');
    await once(consumer!, 'exit');
  }

  const inMirror = <Row>(sql: string): Row[] => {
    const database = new Database(file, { readonly: true });
    try {
      return database.prepare(sql).all() as Row[];
    } catch {
      return []; // not created yet, or being written
    } finally {
      database.close();
    }
  };
  async function expectMirror(): Promise<void> {
    const { body } = await service.admin.get('/customers?limit=200&sort=id');
    const expected = JSON.stringify(body.data);
    await until(() => {
      if (errors) throw new Error(errors);
      const rows = inMirror<{ customer: string }>('SELECT customer FROM customers ORDER BY id');
      return `[${rows.map(({ customer }) => customer).join()}]` === expected;
    });
  }

  it('the program of docs/changes-feed.md mirrors all customers, also when it is killed and started again', async () => {
    expect(PROGRAM).toContain('customers/changes');
    const create = async (): Promise<number> => (await service.admin.post('/customers', newCustomer())).body.id;
    const ids = [await create(), await create(), await create(), await create()];
    await service.admin.delete(`/customers/${ids[3]}`);
    start();
    await expectMirror();
    await service.admin.patch(`/customers/${ids[0]}`, { name: 'Eva', notes: 'Zwölf\n😀' });
    await expectMirror();

    await stop();
    await service.admin.delete(`/customers/${ids[1]}`);
    await service.admin.patch(`/customers/${ids[2]}`, { name: 'Zoë' });
    await service.admin.post(`/customers/${ids[3]}/restore`);
    for (let n = 0; n < 10; n++) await create();
    start();
    await expectMirror();

    // a cursor of a database that was restored from a backup: the mirror starts again
    await stop();
    const database = new Database(file);
    database.exec(`UPDATE progress SET cursor = 'outdated'; UPDATE customers SET customer = '{}'`);
    database.close();
    start();
    await expectMirror();
  }, 240_000);
});
