import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

const REQUESTS = 8_000;
const CONCURRENCY = 32;
/** Of the 10 KB and more that a request allocates. With a cause to grow old, nearly all of them do. */
const MAX_BYTES = 2_048;

const directory = mkdtempSync(join(tmpdir(), 'crm-short-lived-'));
afterAll(() => {
  stopPrograms();
  rmSync(directory, { recursive: true, force: true });
});

onEveryDatabase((kind) => {
  let database: TestDatabase;
  let program: Program;

  beforeAll(async () => {
    database = await createDatabase(kind);
    const settings = {
      NODE_ENV: 'production',
      WEB_CONCURRENCY: '1',
      PORT: '0',
      DRAIN_SECONDS: '0',
      DATA_DIR: join(directory, kind),
      JWT_SECRET,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      ...(database.uri && { DATABASE_URI: database.uri }),
    };
    program = startProgram(settings, directory, { nodeOptions: ['--trace-gc-nvp'] });
  });
  afterAll(async () => {
    await program.stop();
    await database.drop();
  });

  it('frees the objects of a request with the young generation', async () => {
    const admin = await new Client(await program.address(), API).signIn(ADMIN.email, ADMIN.password);
    const { body } = await admin.post('/customers', newCustomer());
    const url = `${admin.url}/customers/${body.id}`;
    const headers = { authorization: `Bearer ${admin.accessToken}` };
    const read = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const response = await fetch(url, { headers });
        if (response.status !== 200) throw new Error(await response.text());
        await response.arrayBuffer();
      }
    };
    const readMany = (): Promise<unknown> =>
      Promise.all(Array.from({ length: CONCURRENCY }, () => read(REQUESTS / CONCURRENCY)));
    // the first requests compile code, and the young generation is still small
    await readMany();
    const before = program.output().length;
    await readMany();
    const promoted = [
      ...program
        .output()
        .slice(before)
        .matchAll(/ gc=s .* promoted=(\d+) /g),
    ].map(([, bytes]) => Number(bytes));
    expect(promoted.length).toBeGreaterThan(3);
    expect(promoted.reduce((sum, bytes) => sum + bytes) / REQUESTS).toBeLessThan(MAX_BYTES);
  });
});
