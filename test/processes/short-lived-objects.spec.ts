import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

const REQUESTS = 4_000;
const CONCURRENCY = 32;
/** First V8 compiles code, enlarges the young generation and collects what grew old before. */
const MAX_ROUNDS = 8;
/** Of the 10 KB and more that a request allocates. With a cause to grow old, nearly all of them always do. */
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
    /** Bytes per request that have moved to the old generation. */
    const measure = async (): Promise<number> => {
      const { length } = program.output();
      await Promise.all(Array.from({ length: CONCURRENCY }, () => read(REQUESTS / CONCURRENCY)));
      const promoted = [
        ...program
          .output()
          .slice(length)
          .matchAll(/ gc=s .* promoted=(\d+) /g),
      ];
      expect(promoted.length).toBeGreaterThan(1);
      return promoted.reduce((sum, [, bytes]) => sum + Number(bytes), 0) / REQUESTS;
    };
    let bytes = Infinity;
    for (let round = 0; round < MAX_ROUNDS && bytes > MAX_BYTES; round++) bytes = await measure();
    expect(bytes).toBeLessThan(MAX_BYTES);
  });
});
