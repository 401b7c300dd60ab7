import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { readEnv } from '../../src/config/env.js';
import { connectionOptions, openDataSource } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';
import { runCommand } from '../support/command.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer } from '../support/service.js';

/** Half an hour beside the full hour; one with daylight saving time; and UTC. */
const ZONES = ['Asia/Kolkata', 'America/New_York', 'UTC'];
/** Local times that do not exist in New York, or exist twice, and a time that the Flask service wrote without a fraction. */
const TIMES = ['2026-03-08T02:30:00.000Z', '2026-11-01T01:30:00.123Z', '2026-11-01T06:30:00.000Z'];
const MINUTE_MS = 60_000;

onEveryDatabase((kind) => {
  describe.each(ZONES)('a process in the time zone %s', (zone) => {
    let database: TestDatabase;
    let directory: string;
    let env: Record<string, string>;
    let program: Program;
    let url: string;
    let token: string;
    let refreshToken: string;
    beforeAll(async () => {
      database = await createDatabase(kind);
      directory = mkdtempSync(join(tmpdir(), 'crm-zone-'));
      env = {
        TZ: zone,
        NODE_ENV: 'development',
        PORT: '0',
        DATA_DIR: directory,
        JWT_SECRET,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        ...(database.uri && { DATABASE_URI: database.uri }),
      };
      program = startProgram(env, directory);
      url = await program.address();
      const { body } = await send('POST', '/login', ADMIN);
      token = body.accessToken;
      refreshToken = body.refreshToken;
    });
    afterAll(async () => {
      stopPrograms();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    });

    async function send(
      method: string,
      path: string,
      body?: unknown,
      headers = {},
    ): Promise<{ status: number; body: any }> {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }), ...headers },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text && JSON.parse(text) };
    }

    /** Runs statements beside the service, with a driver whose options do not depend on the time zone. */
    async function write(sql: string, parameters: Array<string | number>): Promise<void> {
      if (database.uri) {
        const connection = await mysql.createConnection(database.uri);
        await connection.execute(sql, parameters);
        await connection.end();
        return;
      }
      const dataSource = await openDataSource(await connectionOptions(readEnv({ DATA_DIR: directory }), entities));
      await dataSource.query(sql, parameters);
      await dataSource.destroy();
    }

    const toSql = (time: string): string => time.slice(0, 23).replace('T', ' ');
    const expectNow = (time: string): void =>
      expect(Math.abs(new Date(time).getTime() - Date.now())).toBeLessThan(5 * MINUTE_MS);

    it('dates customers, history and sessions with the current instant', async () => {
      const { body: customer } = await send('POST', '/customers', newCustomer());
      expectNow(customer.createdAt);
      await send('PATCH', `/customers/${customer.id}`, { name: 'Ana' });
      const { body: read } = await send('GET', `/customers/${customer.id}`);
      const { body: history } = await send('GET', `/customers/${customer.id}/history`);
      expect(history.data.map(({ at }: { at: string }) => at)).toEqual([read.lastModifiedAt, customer.createdAt]);
      const { body: sessions } = await send('GET', '/me/sessions');
      for (const { createdAt, lastUsedAt, expiresAt } of sessions.data) {
        expectNow(createdAt);
        if (lastUsedAt !== undefined) expectNow(lastUsedAt);
        expect(new Date(expiresAt).getTime()).toBeGreaterThan(Date.now());
      }
    });

    it.each(TIMES)('reads, filters and sorts the stored time %s as UTC', async (time) => {
      const { body: customer } = await send('POST', '/customers', newCustomer());
      const sql = 'UPDATE customers SET created_at = ?, last_modified_at = ? WHERE id = ?';
      await write(sql, [toSql(time), toSql(time), customer.id]);
      await write('UPDATE history SET changed_at = ? WHERE resource_id = ?', [toSql(time), customer.id]);
      const times = { createdAt: time, lastModifiedAt: time };
      expect((await send('GET', `/customers/${customer.id}`)).body).toMatchObject(times);
      expect((await send('GET', `/customers/${customer.id}/history`)).body.data).toMatchObject([{ at: time }]);
      const isListed = async (since: string): Promise<boolean> => {
        const { body } = await send('GET', `/customers?limit=200&modifiedSince=${since}`);
        return body.data.some(({ id }: { id: number }) => id === customer.id);
      };
      expect(await isListed(time)).toBe(true);
      expect(await isListed(new Date(new Date(time).getTime() + 1).toISOString())).toBe(false);
      const first = await send('GET', '/customers?limit=1&sort=lastModifiedAt');
      const rest = await send('GET', `/customers?limit=200&sort=lastModifiedAt&cursor=${first.body.page.next}`);
      const listed = [...first.body.data, ...rest.body.data].map(({ lastModifiedAt }) => lastModifiedAt as string);
      expect(listed).toEqual([...listed].sort());
    });

    it('gives a repeated refresh the same successor within the grace of 10 s, and ends the session after it', async () => {
      const refresh = (): Promise<{ status: number; body: any }> => send('POST', '/login/refresh', { refreshToken });
      const next = await refresh();
      expect(next.status).toBe(200);
      const again = await refresh();
      // a slow machine may exceed the grace, which the rotation below does for certain
      if (again.status === 200) expect(again.body.refreshToken).toBe(next.body.refreshToken);
      const { body: another } = await send('POST', '/login', ADMIN);
      await send('POST', '/login/refresh', { refreshToken: another.refreshToken });
      const rotatedAt = toSql(new Date(Date.now() - 15_000).toISOString());
      await write('UPDATE sessions SET rotated_at = ? WHERE generation = 2 AND ended_at IS NULL', [rotatedAt]);
      expect((await send('POST', '/login/refresh', { refreshToken: another.refreshToken })).status).toBe(401);
    });

    it('keeps invitations and idempotency keys for their time', async () => {
      token = (await send('POST', '/login', ADMIN)).body.accessToken;
      const user = { email: 'zoe@example.com', name: 'Zoë', surname: 'Šimková' };
      const key = { 'idempotency-key': 'k1' };
      const { body: created } = await send('POST', '/users', user, key);
      expect((await send('POST', '/users', user, key)).body).toEqual(created);
      await write('UPDATE idempotency_records SET expires_at = ?', [toSql(new Date(Date.now() - 1000).toISOString())]);
      expect((await send('POST', '/users', user, key)).status).toBe(409);
      const passwordToken = created.invitation.token;
      const soon = toSql(new Date(Date.now() + MINUTE_MS).toISOString());
      await write('UPDATE users SET password_token_expires_at = ? WHERE id = ?', [soon, created.id]);
      const newPassword = 'battery staple';
      expect((await send('POST', '/login/password', { token: passwordToken, newPassword })).status).toBe(204);
    });

    it('prints UTC in commands', async () => {
      const { stdout } = await runCommand(directory, ['admin', 'create', 'carla@example.com', '--invite'], env);
      const [, expiresAt] = /Expires at: (\S+Z)$/m.exec(stdout) ?? [];
      expect(new Date(expiresAt!).getTime()).toBeGreaterThan(Date.now());
    });
  });
});
