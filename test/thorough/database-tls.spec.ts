import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import mysql from 'mysql2/promise';
import { generate } from 'selfsigned';
import { DatabaseChecks } from '../../src/cli/checks/database.js';
import { Clock } from '../../src/config/clock.js';
import { readEnv } from '../../src/config/env.js';
import { connectionOptions, openDataSource } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';
import { kinds } from '../support/databases.js';
import { hasMariadb, type Mariadb, startMariadb } from '../support/mariadb.js';
import { JWT_SECRET, startService } from '../support/service.js';

/** Three servers start, which takes long on a busy machine. */
jest.setTimeout(120_000);

const declareOnServer = kinds.includes('MariaDB') && hasMariadb() ? describe : () => undefined;

declareOnServer('a database that requires TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-tls-'));
  const file = (name: string): string => join(directory, `${name}.pem`);
  let tls: Mariadb;
  let plain: Mariadb;
  let misnamed: Mariadb;

  beforeAll(async () => {
    await writeCertificates();
    tls = await startMariadb(['--require-secure-transport=ON', ...certificate('cert', 'key')]);
    plain = await startMariadb(['--skip-ssl']);
    misnamed = await startMariadb(certificate('misnamed-cert', 'misnamed-key'));
    const connection = await mysql.createConnection({ uri: tls.uri, ssl: { rejectUnauthorized: false } });
    await connection.query('CREATE DATABASE crm');
    await connection.query('CREATE DATABASE `crm.prod 1`');
    await connection.query(`CREATE USER certified@'%' IDENTIFIED BY 'secret' REQUIRE X509`);
    await connection.query(`GRANT ALL ON crm.* TO certified@'%'`);
    await connection.end();
  });
  afterAll(async () => {
    await Promise.all([tls?.remove(), plain?.remove(), misnamed?.remove()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const certificate = (cert: string, key: string): string[] => [
    `--ssl-ca=${file('ca')}`,
    `--ssl-cert=${file(cert)}`,
    `--ssl-key=${file(key)}`,
  ];

  async function writeCertificates(): Promise<void> {
    const name = (value: string): [{ name: string; value: string }] => [{ name: 'commonName', value }];
    const options = { algorithm: 'sha256', keySize: 2048 };
    const [ca, otherCa] = await Promise.all(
      ['our authority', 'another authority'].map((title) =>
        generate(name(title), { ...options, extensions: [{ name: 'basicConstraints', cA: true, critical: true }] }),
      ),
    );
    const issue = (host: string): ReturnType<typeof generate> =>
      generate(name(host), {
        ...options,
        ca: { key: ca!.private, cert: ca!.cert },
        extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
      });
    for (const [title, host] of [
      ['', 'localhost'],
      ['misnamed-', 'db.example'],
      ['client-', 'crm'],
    ] as const) {
      const { cert, private: key } = await issue(host);
      writeFileSync(file(`${title}cert`), cert);
      writeFileSync(file(`${title}key`), key);
    }
    writeFileSync(file('ca'), ca!.cert);
    writeFileSync(file('other-ca'), otherCa!.cert);
  }

  /** Returns the cipher of the connection; empty without TLS. */
  async function connect(server: Mariadb, query: string, { host = '127.0.0.1', user = 'root' } = {}): Promise<string> {
    const { port } = new URL(server.uri);
    const database = server === tls ? 'crm' : 'mysql';
    const uri = `mysql://${user}@${host}:${port}/${database}?${query}`;
    const dataSource = await openDataSource(
      await connectionOptions(readEnv({ DATABASE_URI: uri, JWT_SECRET }), entities),
    );
    try {
      const [row] = await dataSource.query<Array<{ Value: string }>>(`SHOW STATUS LIKE 'Ssl_cipher'`);
      return row!.Value;
    } finally {
      await dataSource.destroy();
    }
  }

  it.each(['', 'ssl-mode=DISABLED'])('refuses a connection with %j', async (query) => {
    await expect(connect(tls, query)).rejects.toThrow(/only over TLS/);
  });

  it.each(['ssl=true', 'ssl-mode=REQUIRED', 'sslmode=require', 'ssl_verify_cert=false', 'ssl-mode=PREFERRED'])(
    'is reached with %s',
    async (query) => {
      expect(await connect(tls, query)).toMatch(/^(TLS|ECDHE|AES)/);
    },
  );

  it('must have a certificate of the authority if the URI names one, and of the host if that is verified', async () => {
    expect(await connect(tls, `ssl_ca=${file('ca')}`)).not.toBe('');
    await expect(connect(tls, `ssl_ca=${file('other-ca')}`)).rejects.toThrow(/certificate|self.signed/);
    await expect(connect(tls, 'ssl-mode=VERIFY_CA')).rejects.toThrow(/certificate|self.signed/);
    const identity = `ssl_ca=${file('ca')}&ssl-mode=VERIFY_IDENTITY`;
    expect(await connect(tls, identity, { host: 'localhost' })).not.toBe('');
    await expect(connect(misnamed, identity, { host: 'localhost' })).rejects.toThrow(/altnames|not match/);
    expect(await connect(misnamed, `ssl_ca=${file('ca')}`, { host: 'localhost' })).not.toBe('');
    await expect(connect(tls, identity)).rejects.toThrow(/DATABASE_URI must have a host name/);
  });

  it('gets the certificate of the client', async () => {
    const user = 'certified:secret';
    await expect(connect(tls, `ssl_ca=${file('ca')}`, { user })).rejects.toThrow('Access denied');
    const pair = `ssl_cert=${file('client-cert')}&ssl_key=${file('client-key')}`;
    expect(await connect(tls, `ssl_ca=${file('ca')}&${pair}`, { user })).not.toBe('');
  });

  it('is used without TLS if it has none, and only if TLS is not required', async () => {
    expect(await connect(plain, 'ssl-mode=PREFERRED')).toBe('');
    await expect(connect(plain, 'ssl-mode=REQUIRED')).rejects.toThrow(/does not support secure|SSL/);
  });

  it('is what the doctor names as the reason', async () => {
    const { port } = new URL(tls.uri);
    const checks = async (query: string, server = port): Promise<unknown> => {
      const uri = `mysql://root@localhost:${server}/crm?${query}`;
      const doctor = new DatabaseChecks(readEnv({ DATABASE_URI: uri, JWT_SECRET }), new Clock());
      const result = await doctor.connect().catch((error: unknown) => error);
      await doctor.close();
      return result;
    };
    expect(await checks('')).toMatchObject({ fix: expect.stringMatching(/^Add ssl-mode=REQUIRED/) });
    expect(await checks(`ssl_ca=${file('other-ca')}`)).toMatchObject({ fix: expect.stringMatching(/^Set ssl_ca/) });
    expect(await checks('ssl=true', new URL(plain.uri).port)).toMatchObject({
      fix: expect.stringMatching(/^Turn TLS on/),
    });
    expect(await checks('ssl=true')).toMatch(/connection charset/);
  });

  it('serves requests over TLS, in a database whose name has a dot and a space', async () => {
    const { port } = new URL(tls.uri);
    const uri = `mysql+pymysql://root@localhost:${port}/crm.prod%201?ssl_ca=${file('ca')}&charset=utf8mb4`;
    const database = { uri, drop: () => Promise.resolve() };
    const service = await startService('MariaDB', { database });
    try {
      const customer = { email: 'ana@example.com', name: 'Ana', surname: 'Cruz' };
      expect((await service.admin.post('/customers', customer)).status).toBe(201);
      expect((await service.admin.get('/customers')).body.data).toHaveLength(1);
    } finally {
      await service.close();
    }
  });
});
