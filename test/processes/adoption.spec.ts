import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT_CONFIGURATION } from '../../src/config/start-error.js';
import { runCommand } from '../support/command.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { startProgram, stopPrograms } from '../support/program.js';
import { JWT_SECRET } from '../support/service.js';

const dump = readFileSync(new URL('../fixtures/flask-crm.sql', import.meta.url), 'utf8');
const COLLISION = `UPDATE customers SET email = ' li@example.com' WHERE id = 6`;
const MESSAGE =
  'Active rows share an e-mail that differs only in case or surrounding space: customers.email of ids 2, 6.';

const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;

declareOnServer('a Flask database in which two customers share an e-mail', () => {
  let database: TestDatabase;
  let directory: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    database = await createDatabase('MariaDB', `${dump} ${COLLISION}`);
    directory = mkdtempSync(join(tmpdir(), 'crm-adoption-'));
    env = { DATABASE_URI: database.uri!, DATA_DIR: directory, JWT_SECRET, NODE_ENV: 'production', PORT: '0' };
  });
  afterAll(async () => {
    stopPrograms();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(['1', '2'])('stops the service with %s workers, with the rows, a fix and no stack', async (workers) => {
    const program = startProgram({ ...env, WEB_CONCURRENCY: workers }, directory);
    expect(await program.exit).toEqual({ code: EXIT_CONFIGURATION, signal: null });
    expect(program.output()).toContain(`Could not start: ${MESSAGE}\nNothing was changed. Fix: Change the e-mail`);
    expect(program.output()).not.toMatch(/^\s+at |\\n\s+at |li@example|SELECT .* FROM/m);
  });

  it('stops the command', async () => {
    const { code, stdout, stderr } = await runCommand(directory, ['migrate'], env);
    expect(code).toBe(EXIT_CONFIGURATION);
    expect(stdout).toBe('');
    expect(stderr).toMatch(`${MESSAGE}\nNothing was changed. Fix: Change the e-mail`);
  });

  it('is a finding of the doctor', async () => {
    const { code, stdout } = await runCommand(directory, ['doctor'], env);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED {2}migrations +Active rows share .* ids 2, 6\.\n +Fix: Change the e-mail/m);
  });
});
