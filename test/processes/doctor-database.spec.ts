import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import { DatabaseChecks } from '../../src/cli/checks/database.js';
import { isTooOld } from '../../src/cli/checks/server.js';
import { readEnv } from '../../src/config/env.js';
import { createDatabase, kinds, type TestDatabase } from '../support/databases.js';
import { JWT_SECRET, MovableClock } from '../support/service.js';

const declareOnServer = kinds.includes('MariaDB') ? describe : () => undefined;

declareOnServer('the doctor on a database server', () => {
  const user = `crm_${randomBytes(6).toString('hex')}`;
  const clock = new MovableClock();
  let database: TestDatabase;
  let root: mysql.Connection;
  beforeAll(async () => {
    database = await createDatabase('MariaDB');
    root = await mysql.createConnection(database.uri!);
    await root.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'secret'`);
  });
  afterEach(() => clock.reset());
  afterAll(async () => {
    await root.query(`DROP USER ${user}@'%'`);
    await root.end();
    await database.drop();
  });

  async function connect(change: (uri: URL) => void = () => undefined): Promise<unknown> {
    const uri = new URL(database.uri!);
    change(uri);
    const checks = new DatabaseChecks(readEnv({ DATABASE_URI: uri.href, JWT_SECRET }), clock);
    const result = await checks.connect().catch((error: unknown) => error);
    await checks.close();
    return result;
  }

  const asUser = (uri: URL): void => void Object.assign(uri, { username: user, password: 'secret' });

  it('names the version', async () => {
    expect(await connect()).toMatch(/^(MariaDB|MySQL) \d+\.\d+.*, connection charset utf8mb4$/);
  });

  it.each([
    ['port', (uri: URL) => (uri.port = '1'), /ECONNREFUSED/, /^Start the database server/],
    ['host', (uri: URL) => (uri.hostname = 'no-such-host.invalid'), /no-such-host/, /^Correct the host/],
    ['password', (uri: URL) => Object.assign(uri, { username: user, password: 'zq' }), /denied/, /^Correct user and p/],
    ['database', (uri: URL) => (uri.pathname = '/crm_no_such'), /Unknown database/, /^Create the database/],
    ['socket', (uri: URL) => (uri.search = '?socketPath=/no/such'), /ENOENT/, /^Correct the socket path/],
  ])('gives the fix of a wrong %s', async (_, change, message, fix) => {
    expect(await connect(change)).toMatchObject({
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    });
  });

  it('names missing privileges', async () => {
    expect(await connect(asUser)).toMatchObject({ fix: expect.stringMatching(/^Grant the user/) });
    const name = new URL(database.uri!).pathname.slice(1);
    await root.query(`GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON ${name}.* TO ${user}@'%'`);
    expect(await connect(asUser)).toMatchObject({
      message: 'the user lacks DROP, INDEX, REFERENCES',
      fix: expect.stringMatching(/^Grant the user/),
    });
    await root.query(`GRANT ALL ON ${name}.* TO ${user}@'%'`);
    expect(await connect(asUser)).toMatch(/connection charset/);
  });

  it('names a clock that is wrong', async () => {
    clock.forward(60_000);
    expect(await connect()).toMatchObject({
      message: expect.stringMatching(/clocks .* differ by (59|60|6\d) s/),
      fix: expect.stringContaining('NTP'),
    });
  });
});

it.each([
  ['mysql', '5.7.44-log', true],
  ['mysql', '8.0.40', false],
  ['mysql', '9.7.1', false],
  ['mariadb', '10.3.39-MariaDB-0+deb10u1', true],
  ['mariadb', '5.5.5-10.5.26-MariaDB', true],
  ['mariadb', '5.5.5-10.11.6-MariaDB', false],
  ['mariadb', '11.4.2-MariaDB', false],
] as const)('%s %s is too old for the doctor: %s', (dialect, version, expected) => {
  expect(isTooOld(dialect, version)).toBe(expected);
});
