import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Transactions, VersionRaceError } from '../src/writes/transactions.js';
import type { Answer, Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { newCustomer, newUser, startService, type TestService, unique } from './support/service.js';

const DAY_MS = 24 * 60 * 60 * 1000;

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number; email: string; password: string };

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  const query = (sql: string, values: unknown[] = []): Promise<any[]> => service.dataSource.query(sql, values);
  const count = async (from: string, values: unknown[] = []): Promise<number> =>
    Number((await query(`SELECT COUNT(*) AS n FROM ${from}`, values))[0].n);
  const withEmail = (email: string): Promise<number> => count('customers WHERE email = ?', [email]);
  const rowOf = async (id: number): Promise<any> => (await query('SELECT * FROM customers WHERE id = ?', [id]))[0];
  const historyOf = (id: number, resource = 'customer'): Promise<any[]> =>
    query('SELECT * FROM history WHERE resource = ? AND resource_id = ? ORDER BY version', [resource, id]);
  const records = (): Promise<number> => count('idempotency_records');

  /** All that a write leaves behind. */
  const everything = (): Promise<unknown> =>
    Promise.all(
      ['customers', 'users', 'history', 'idempotency_records'].map((table) => query(`SELECT * FROM ${table}`)),
    );

  const keyed = (key: string): { headers: Record<string, string> } => ({ headers: { 'idempotency-key': key } });

  async function create(overrides: Record<string, unknown> = {}): Promise<any> {
    const { status, body } = await service.admin.post('/customers', newCustomer(overrides));
    expect(status).toBe(201);
    return body;
  }

  const expectAnswer = ({ status, body }: Answer, expected: number, code: string): void =>
    expect({ status, code: body.code }).toEqual({ status: expected, code });

  /** The answer as it comes over the wire, held against no documentation. */
  async function send(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
    const response = await fetch(`${user.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${service.admin.accessToken}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  describe('Idempotency-Key', () => {
    it('gives the first answer again, byte for byte, and writes once', async () => {
      const body = newCustomer({ name: '👩‍👩‍👧 "Ána"', notes: 'a\nb', company: null });
      const key = { 'idempotency-key': unique() };
      const first = await send('POST', '/customers', body, key);
      expect(first.status).toBe(201);
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      service.clock.forward(5_000);
      const before = await everything();
      for (let n = 0; n < 3; n++) {
        const again = await send('POST', '/customers', body, key);
        expect(again.status).toBe(201);
        expect(again.text).toBe(first.text);
        expect(again.headers.get('idempotency-replayed')).toBe('true');
        for (const name of ['etag', 'location', 'content-type'])
          expect(again.headers.get(name)).toBe(first.headers.get(name));
        expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
      }
      expect(await withEmail(body.email)).toBe(1);
      expect(await historyOf(JSON.parse(first.text).id)).toHaveLength(1);
      expect(await everything()).toEqual(before);
    });

    it('gives the first answer also after the customer was changed and deleted', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      const first = await user.post('/customers', body, key);
      await user.patch(`/customers/${first.body.id}`, { name: 'Changed' });
      await user.delete(`/customers/${first.body.id}`);
      const again = await user.post('/customers', body, key);
      expect(again.status).toBe(201);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('etag')).toBe('"v1"');
      expect(await withEmail(body.email)).toBe(1);
    });

    it('refuses another body, another path, and writes nothing', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      expect((await service.admin.post('/customers', body, key)).status).toBe(201);
      const before = await everything();
      for (const other of [{ ...body, name: 'Changed' }, { ...body, notes: null }, newCustomer()])
        expectAnswer(await service.admin.post('/customers', other, key), 422, 'idempotency_key_reused');
      expectAnswer(await service.admin.post('/users', body, key), 422, 'idempotency_key_reused');
      expectAnswer(
        await service.admin.post(`/users/${user.id}/password-reset`, {}, key),
        422,
        'idempotency_key_reused',
      );
      expect(await everything()).toEqual(before);
    });

    it('belongs to the user who sent it', async () => {
      const key = keyed(unique());
      const [mine, theirs] = [newCustomer(), newCustomer()];
      const first = await user.post('/customers', mine, key);
      const other = await service.admin.post('/customers', theirs, key);
      expect(other.status).toBe(201);
      expect(other.headers.get('idempotency-replayed')).toBeNull();
      expect(other.body.email).toBe(theirs.email);
      expect((await user.post('/customers', mine, key)).body).toEqual(first.body);
      expect((await service.admin.post('/customers', theirs, key)).body).toEqual(other.body);
      expect(await withEmail(mine.email)).toBe(1);
      expect(await withEmail(theirs.email)).toBe(1);
    });

    it('gives nobody else the answer to the same key and body', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      expect((await user.post('/customers', body, key)).status).toBe(201);
      expectAnswer(await service.admin.post('/customers', body, key), 409, 'email_taken');
      expect(await withEmail(body.email)).toBe(1);
    });

    it('tells keys apart by case', async () => {
      const key = `key-${unique()}`;
      const [first, other] = await Promise.all([
        user.post('/customers', newCustomer(), keyed(key)),
        user.post('/customers', newCustomer(), keyed(key.toUpperCase())),
      ]);
      expect([first.status, other.status]).toEqual([201, 201]);
    });

    it.each([
      ['empty', ''],
      ['of 256 characters', 'k'.repeat(256)],
      ['with a tab', 'a\tb'],
      ['with a letter beyond ASCII', 'ké'],
      ['with a control character beyond ASCII', 'a\u0085b'],
    ])('is refused if it is %s', async (_what, key) => {
      const before = await everything();
      const { email } = newCustomer();
      const answer = await user.post('/customers', newCustomer({ email }), keyed(key));
      expectAnswer(answer, 400, 'invalid_request');
      expect(answer.body.errors.map(({ pointer }: any) => pointer)).toEqual(['Idempotency-Key']);
      expect(await everything()).toEqual(before);
    });

    it.each(['\u0000', '\u0001', '\u001b', '\u007f'])('is refused with the control character %j', async (character) => {
      const before = await everything();
      const body = JSON.stringify(newCustomer());
      const answer = await sendRaw(
        user.url,
        [
          'POST /customers HTTP/1.1',
          'Host: localhost',
          `Authorization: Bearer ${user.accessToken}`,
          `Idempotency-Key: a${character}b`,
          'Content-Type: application/json',
          `Content-Length: ${Buffer.byteLength(body)}`,
          'Connection: close',
          '',
          body,
        ].join('\r\n'),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(await everything()).toEqual(before);
    });

    it('may have 255 characters', async () => {
      const key = keyed(`${unique()}${'k'.repeat(255)}`.slice(0, 255));
      const body = newCustomer();
      const first = await user.post('/customers', body, key);
      const again = await user.post('/customers', body, key);
      expect([first.status, again.status]).toEqual([201, 201]);
      expect(again.body).toEqual(first.body);
      expect(await withEmail(body.email)).toBe(1);
    });

    it('is forgotten after 24 hours, and not before', async () => {
      const body = newCustomer();
      const other = newCustomer();
      const key = keyed(unique());
      const first = await user.post('/customers', body, key);
      const margin = 60_000;
      try {
        service.clock.forward(DAY_MS - margin);
        const nearly = await service.anonymous.signIn(user.email, user.password);
        expectAnswer(await nearly.post('/customers', other, key), 422, 'idempotency_key_reused');
        const again = await nearly.post('/customers', body, key);
        expect(again.body).toEqual(first.body);
        expect(again.headers.get('idempotency-replayed')).toBe('true');

        service.clock.forward(2 * margin);
        const later = await service.anonymous.signIn(user.email, user.password);
        const anew = await later.post('/customers', other, key);
        expect(anew.status).toBe(201);
        expect(anew.headers.get('idempotency-replayed')).toBeNull();
        expect((await later.post('/customers', other, key)).body).toEqual(anew.body);
        expectAnswer(await later.post('/customers', body, key), 422, 'idempotency_key_reused');
      } finally {
        service.clock.forward(-DAY_MS - margin);
      }
      expect(await withEmail(body.email)).toBe(1);
      expect(await withEmail(other.email)).toBe(1);
    });

    it('writes once when it is sent 50 times at once', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      const answers = await times(50, () => user.post('/customers', body, key));
      const created = answers.filter(({ status }) => status === 201);
      for (const answer of answers) if (answer.status !== 201) expectAnswer(answer, 409, 'idempotency_in_progress');
      expect(created.length).toBeGreaterThan(0);
      for (const answer of created) expect(answer.body).toEqual(created[0]!.body);
      expect(created.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      expect(await withEmail(body.email)).toBe(1);
      expect(await historyOf(created[0]!.body.id)).toHaveLength(1);
    });

    it('writes once when it has expired and is sent 20 times at once', async () => {
      const key = keyed(unique());
      await user.post('/customers', newCustomer(), key);
      await query('UPDATE idempotency_records SET expires_at = ?', ['2020-01-01 00:00:00.000']);
      const body = newCustomer();
      const answers = await times(20, () => user.post('/customers', body, key));
      for (const answer of answers) if (answer.status !== 201) expectAnswer(answer, 409, 'idempotency_in_progress');
      const created = answers.filter(({ status }) => status === 201);
      expect(created.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      for (const answer of created) expect(answer.body).toEqual(created[0]!.body);
      expect(await withEmail(body.email)).toBe(1);
    });

    it('lets one of two bodies win that are sent at once', async () => {
      const key = keyed(unique());
      const bodies = [newCustomer(), newCustomer()];
      const answers = await times(10, (n) => user.post('/customers', bodies[n % 2], key));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([201, 201, 201, 201, 201, 422, 422, 422, 422, 422]);
      expect(await count('customers WHERE email IN (?, ?)', [bodies[0]!.email, bodies[1]!.email])).toBe(1);
    });

    it('is not kept for a request that failed', async () => {
      const before = await records();
      const holder = await create();
      const body = newCustomer({ email: holder.email });
      const key = keyed(unique());
      expectAnswer(await user.post('/customers', body, key), 409, 'email_taken');
      expectAnswer(await user.post('/customers', { ...body, phone: 'none' }, key), 400, 'invalid_request');
      expectAnswer(await service.admin.post('/users/2147483647/password-reset', {}, key), 404, 'user_not_found');
      expect(await records()).toBe(before);

      await service.admin.delete(`/customers/${holder.id}`);
      const { status, headers } = await user.post('/customers', body, key);
      expect(status).toBe(201);
      expect(headers.get('idempotency-replayed')).toBeNull();
      expect(await records()).toBe(before + 1);
    });

    it('says that the first request is still running', async () => {
      const key = unique();
      const before = await records();
      const first = await user.post('/customers', newCustomer(), keyed(key));
      const [{ key_hash: keyHash }] = await query(
        'SELECT key_hash FROM idempotency_records WHERE user_id = ? ORDER BY expires_at DESC LIMIT 1',
        [user.id],
      );
      await query('DELETE FROM idempotency_records WHERE key_hash = ?', [keyHash]);
      const body = newCustomer();
      let second: Promise<Answer>;
      await service.dataSource
        .transaction(async (manager) => {
          await manager.query(
            'INSERT INTO idempotency_records (user_id, key_hash, request_hash, expires_at) VALUES (?, ?, ?, ?)',
            [user.id, keyHash, 'x', '2099-01-01 00:00:00.000'],
          );
          second = user.post('/customers', body, keyed(key));
          // the embedded database lets it wait for its turn instead, which comes when this transaction ends
          if (kind === 'MariaDB') expectAnswer(await second, 409, 'idempotency_in_progress');
          throw new Error('the first request fails');
        })
        .catch(() => undefined);
      const answer = kind === 'MariaDB' ? await user.post('/customers', body, keyed(key)) : await second!;
      expect(answer.status).toBe(201);
      expect(answer.body.id).not.toBe(first.body.id);
      expect(await withEmail(body.email)).toBe(1);
      expect(await records()).toBe(before + 1);
    });

    it('creates a user once, and the invitation is nowhere in the database', async () => {
      const body = newUser({ password: undefined });
      const key = unique();
      const first = await service.admin.post('/users', body, keyed(key));
      expect(first.status).toBe(201);
      const again = await service.admin.post('/users', body, keyed(key));
      expect(again.status).toBe(201);
      expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body));
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(await count('users WHERE email = ?', [body.email])).toBe(1);
      expect(await historyOf(first.body.id, 'user')).toHaveLength(1);

      const { token } = first.body.invitation;
      expect(token).toMatch(/^[\w-]{43}$/);
      const stored = JSON.stringify(await everything());
      expect(stored).not.toContain(token);
      expect(stored).not.toContain(Buffer.from(token).toString('base64').slice(2, -4));
      const kept = await query('SELECT * FROM idempotency_records');
      expect(JSON.stringify(kept)).not.toContain(body.email);
      expect(JSON.stringify(kept)).not.toContain(key);
      for (const { answer } of kept)
        expect(Buffer.from(answer, 'base64').toString('latin1')).not.toMatch(/example|invitation|"id"/);

      const redeemed = await service.anonymous.post('/login/password', { token, newPassword: 'battery staple' });
      expect(redeemed.status).toBe(204);
      await service.anonymous.signIn(body.email, 'battery staple');
    });

    it('resets a password once', async () => {
      const { body: reset } = await service.admin.post('/users', newUser({ password: undefined }));
      const path = `/users/${reset.id}/password-reset`;
      const key = keyed(unique());
      const answers = await times(10, () => service.admin.post(path, undefined, key));
      for (const answer of answers) if (answer.status !== 201) expectAnswer(answer, 409, 'idempotency_in_progress');
      const again = await service.admin.post(path, undefined, key);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      for (const { body } of answers.filter(({ status }) => status === 201)) expect(body).toEqual(again.body);
      expect((await historyOf(reset.id, 'user')).map(({ action }) => action)).toEqual([
        'created',
        'password_reset_issued',
      ]);
      expect(JSON.stringify(await everything())).not.toContain(again.body.token);

      const other = await service.admin.post(path, undefined, keyed(unique()));
      expect(other.status).toBe(201);
      expect(other.body.token).not.toBe(again.body.token);
      expect(await historyOf(reset.id, 'user')).toHaveLength(3);
    });
  });

  describe('races', () => {
    it('creates one customer of 50 with the same e-mail', async () => {
      const { email } = newCustomer();
      const answers = await times(50, (n) =>
        user.post('/customers', newCustomer({ email: n % 2 ? email : email.toUpperCase() })),
      );
      for (const answer of answers) if (answer.status !== 201) expectAnswer(answer, 409, 'email_taken');
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(await withEmail(email)).toBe(1);
      const { id } = answers.find(({ status }) => status === 201)!.body;
      expect(await historyOf(id)).toHaveLength(1);
    });

    it('gives one of 10 customers an e-mail that all are changed to', async () => {
      const { email } = newCustomer();
      const customers = await times(10, () => create());
      const answers = await times(10, (n) => user.patch(`/customers/${customers[n].id}`, { email }));
      for (const answer of answers) if (answer.status !== 200) expectAnswer(answer, 409, 'email_taken');
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(await withEmail(email)).toBe(1);
      const versions = await Promise.all(customers.map(async ({ id }) => (await rowOf(id)).version as number));
      expect(versions.filter((version) => version === 2)).toHaveLength(1);
    });

    it('either restores a customer or gives the e-mail to another', async () => {
      const { id, email } = await create();
      await user.delete(`/customers/${id}`);
      const answers = await Promise.all([
        ...Array.from({ length: 5 }, () => user.post('/customers', newCustomer({ email }))),
        user.post(`/customers/${id}/restore`),
        ...Array.from({ length: 5 }, () => user.post('/customers', newCustomer({ email }))),
      ]);
      for (const answer of answers) if (answer.status >= 300) expectAnswer(answer, 409, 'email_taken');
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
      expect(await count('customers WHERE email = ? AND is_deleted = 0', [email])).toBe(1);
    });

    it('lets none of 1,000 stale changes through', async () => {
      const { id } = await create();
      expect((await user.patch(`/customers/${id}`, { name: 'Second' })).status).toBe(200);
      const [row, history] = [await rowOf(id), await historyOf(id)];
      const stale = ['"v1"', 'W/"v1"', '"v1-gzip"', '"v3"', '"v1", "v3"'];
      for (let batch = 0; batch < 20; batch++) {
        const answers = await times(50, (n) =>
          send('PATCH', `/customers/${id}`, { name: `Stale ${n}` }, { 'if-match': stale[n % stale.length]! }),
        );
        for (const { status, text } of answers) {
          expect(status).toBe(412);
          expect(JSON.parse(text)).toMatchObject({ code: 'version_conflict', currentVersion: 2 });
        }
      }
      expect(await rowOf(id)).toEqual(row);
      expect(await historyOf(id)).toEqual(history);
    });

    it('lets one of 20 changes of the same version through', async () => {
      const { id } = await create();
      const answers = await times(20, (n) =>
        user.patch(`/customers/${id}`, { name: `Name ${n}` }, { headers: { 'if-match': '"v1"' } }),
      );
      const winner = answers.findIndex(({ status }) => status === 200);
      for (const [n, answer] of answers.entries()) if (n !== winner) expectAnswer(answer, 412, 'version_conflict');
      expect(await rowOf(id)).toMatchObject({ name: `Name ${winner}`, version: 2 });
      expect(await historyOf(id)).toHaveLength(2);
    });

    it('makes 20 changes without If-Match one after the other', async () => {
      const { id, name } = await create();
      const answers = await times(20, (n) => user.patch(`/customers/${id}`, { name: `Name ${n}` }));
      for (const answer of answers) if (answer.status !== 200) expectAnswer(answer, 503, 'database_unavailable');
      const versions = answers.filter(({ status }) => status === 200).map(({ body }) => body.version as number);
      expect(versions.length).toBeGreaterThan(0);
      expect(versions.sort((a, b) => a - b)).toEqual(versions.map((_, index) => index + 2));
      const history = await historyOf(id);
      expect(history.map(({ version }) => version as number)).toEqual([1, ...versions]);

      // each change starts from what the one before it left
      let last = name;
      for (const { version, changes } of (await user.get(`/customers/${id}/history?limit=200`)).body.data.reverse()) {
        if (version > 1) expect(changes.name[0]).toBe(last);
        last = changes.name[1];
      }
      expect(await rowOf(id)).toMatchObject({ name: last, version: versions.length + 1 });
    });

    it('keeps changes of different members that are made at once', async () => {
      const { id } = await create();
      const changes = [{ name: 'Eva' }, { surname: 'Núñez' }, { company: 'Cruz & Hijos' }, { notes: 'Note' }];
      const answers = await Promise.all(changes.map((change) => user.patch(`/customers/${id}`, change)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(await rowOf(id)).toMatchObject({ ...Object.assign({}, ...changes), version: 5 });
    });

    it('deletes once when it is asked to 10 times at once', async () => {
      const { id } = await create();
      const answers = await times(10, () => user.delete(`/customers/${id}`));
      for (const answer of answers) if (answer.status !== 204) expectAnswer(answer, 404, 'customer_not_found');
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
      expect(await rowOf(id)).toMatchObject({ is_deleted: 1, version: 2 });
      expect(await historyOf(id)).toHaveLength(2);
    });
  });

  describe('transactions', () => {
    const mutex = 'INSERT INTO mutexes (name, turn) VALUES (?, 0)';

    it('do not touch each other, nor what is written outside of them', async () => {
      const transactions = service.app.get(Transactions);
      await query(mutex, ['counter']);
      const counted = `UPDATE mutexes SET turn = turn + 1 WHERE name = 'counter'`;
      const attempts = Array.from({ length: 30 }, (_, n) => [
        transactions.run(async (manager) => {
          await manager.query(mutex, [`kept-${n}-first`]);
          await turn();
          await manager.query(mutex, [`kept-${n}-second`]);
          await manager.query(counted);
        }),
        transactions.run(async (manager) => {
          await manager.query(mutex, [`gone-${n}-first`]);
          await turn();
          await manager.query(counted);
          await manager.query(mutex, [`gone-${n}-second`]);
          await turn();
          throw new Error('on purpose');
        }),
        query(mutex, [`plain-${n}`]),
        // fails in the database, and only itself
        query(mutex, ['counter']),
      ]);
      const outcomes = await Promise.allSettled(attempts.flat());
      expect(outcomes.map(({ status }) => status)).toEqual(
        attempts.flatMap(() => ['fulfilled', 'rejected', 'fulfilled', 'rejected']),
      );

      const rows = await query(`SELECT name FROM mutexes WHERE name LIKE '%-%'`);
      const expected = attempts.flatMap((_, n) => [`kept-${n}-first`, `kept-${n}-second`, `plain-${n}`]);
      expect(rows.map(({ name }) => name as string).sort()).toEqual(expected.sort());
      expect(await query(`SELECT turn FROM mutexes WHERE name = 'counter'`)).toEqual([{ turn: 30 }]);
    });

    it('keep their writes to themselves until they commit', async () => {
      const transactions = service.app.get(Transactions);
      const name = `hidden-${unique()}`;
      let outside: Promise<number>;
      await transactions.run(async (manager) => {
        await manager.query(mutex, [name]);
        outside = count('mutexes WHERE name = ?', [name]);
        // the embedded database answers after the transaction; a server answers at once
        if (kind === 'MariaDB') expect(await outside).toBe(0);
        else await turn();
        expect(Number((await manager.query('SELECT COUNT(*) AS n FROM mutexes WHERE name = ?', [name]))[0].n)).toBe(1);
      });
      expect(await outside!).toBe(kind === 'MariaDB' ? 0 : 1);
      expect(await count('mutexes WHERE name = ?', [name])).toBe(1);
    });

    it('go on after a statement of theirs failed that they expected to', async () => {
      const name = `expected-${unique()}`;
      await service.app.get(Transactions).run(async (manager) => {
        await manager.query(mutex, [name]);
        await expect(manager.query(mutex, [name])).rejects.toThrow();
        await manager.query('UPDATE mutexes SET turn = 7 WHERE name = ?', [name]);
      });
      expect(await query('SELECT turn FROM mutexes WHERE name = ?', [name])).toEqual([{ turn: 7 }]);
    });

    it('start over when they lose to another in a deadlock', async () => {
      const transactions = service.app.get(Transactions);
      const [one, other] = [await create(), await create()];
      // on the embedded database a transaction excludes all others: they cannot meet in the middle
      const meet = kind === 'MariaDB' ? meeting(2) : () => Promise.resolve();
      let attempts = 0;
      const raise = (ids: number[]): Promise<void> => {
        let isFirst = true;
        return transactions.run(async (manager) => {
          attempts++;
          await manager.query('UPDATE customers SET version = version + 1 WHERE id = ?', [ids[0]]);
          if (isFirst) {
            isFirst = false;
            await meet();
          }
          await manager.query('UPDATE customers SET version = version + 1 WHERE id = ?', [ids[1]]);
        });
      };
      await Promise.all([raise([one.id, other.id]), raise([other.id, one.id])]);
      expect(attempts).toBe(kind === 'MariaDB' ? 3 : 2);
      // what the loser did before it lost is not counted
      expect([(await rowOf(one.id)).version, (await rowOf(other.id)).version]).toEqual([3, 3]);
    });

    it('start over when they were overtaken, three times at most', async () => {
      const transactions = service.app.get(Transactions);
      const run = async (failures: number): Promise<{ attempts: number; name: string; error?: unknown }> => {
        const name = `overtaken-${unique()}`;
        let attempts = 0;
        const error = await transactions
          .run(async (manager) => {
            await manager.query(mutex, [name]);
            if (++attempts <= failures) throw new VersionRaceError();
          })
          .then(
            () => undefined,
            (reason: unknown) => reason,
          );
        return { attempts, name, error };
      };
      const [won, lost] = await Promise.all([run(3), run(4)]);
      expect(won).toMatchObject({ attempts: 4, error: undefined });
      expect(await count('mutexes WHERE name = ?', [won.name])).toBe(1);
      expect(lost).toMatchObject({ attempts: 4, error: expect.any(VersionRaceError) });
      expect(await count('mutexes WHERE name = ?', [lost.name])).toBe(0);
    });

    it('do not start over for any other reason', async () => {
      let attempts = 0;
      const run = service.app.get(Transactions).run(() => {
        attempts++;
        return Promise.reject(new Error('on purpose'));
      });
      await expect(run).rejects.toThrow('on purpose');
      expect(attempts).toBe(1);
    });
  });

  describe('a history that cannot be written', () => {
    const occupy = (id: number, version: number): Promise<unknown> =>
      query(
        `INSERT INTO history (resource, resource_id, version, action, changed_at, changes)
         VALUES ('customer', ?, ?, 'occupied', '2024-01-01 00:00:00.000', '{}')`,
        [id, version],
      );
    const vacate = (): Promise<unknown> => query(`DELETE FROM history WHERE action = 'occupied'`);
    // the errors that it would log are wanted
    beforeAll(() => service.app.useLogger(false));
    afterEach(vacate);

    const expectFailure = ({ status, headers, text }: Awaited<ReturnType<typeof send>>): void => {
      expect(status).toBe(500);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(text)).toMatchObject({ code: 'internal_error', requestId: headers.get('x-request-id') });
      expect(text).not.toMatch(/insert|duplicate|constraint|history|\.ts|node_modules/i);
    };

    it('undoes the change', async () => {
      const { id } = await create();
      await occupy(id, 2);
      const before = await everything();
      expectFailure(await send('PATCH', `/customers/${id}`, { name: 'Changed' }));
      expectFailure(await send('DELETE', `/customers/${id}`));
      expect(await everything()).toEqual(before);
      await vacate();
      expect((await user.patch(`/customers/${id}`, { name: 'Changed' })).body).toMatchObject({ version: 2 });
    });

    it('undoes the restore', async () => {
      const { id } = await create();
      await user.delete(`/customers/${id}`);
      await occupy(id, 3);
      const before = await everything();
      expectFailure(await send('POST', `/customers/${id}/restore`));
      expect(await everything()).toEqual(before);
      await vacate();
      expect((await user.post(`/customers/${id}/restore`)).body).toMatchObject({ version: 3 });
    });

    it('undoes the creation and the record of its Idempotency-Key', async () => {
      const { id } = await create();
      // a server does not use the id again that a failed request was given
      for (let next = id + 1; next <= id + 3; next++) await occupy(next, 1);
      const body = newCustomer();
      const key = unique();
      const before = await everything();
      expectFailure(await send('POST', '/customers', body, { 'idempotency-key': key }));
      expect(await everything()).toEqual(before);
      expect(await withEmail(body.email)).toBe(0);
      await vacate();
      const { status, headers } = await service.admin.post('/customers', body, keyed(key));
      expect(status).toBe(201);
      expect(headers.get('idempotency-replayed')).toBeNull();
    });
  });

  it('refuses 50 at once with one key as it refuses the first', async () => {
    const { email } = (await user.post('/customers', newCustomer())).body;
    const key = unique();
    const answers = await times(50, () => user.post('/customers', newCustomer({ email }), keyed(key)));
    for (const { status, body } of answers) {
      expect(status).toBe(409);
      expect(['email_taken', 'idempotency_in_progress']).toContain(body.code);
    }
    expect(await withEmail(email)).toBe(1);
  });

  it('keeps no hash that a password could be guessed from', async () => {
    const body = newUser();
    const key = unique();
    expect((await service.admin.post('/users', body, keyed(key))).status).toBe(201);
    const stored = JSON.stringify(await query('SELECT * FROM idempotency_records'));
    const plain = createHash('sha256')
      .update(`POST /users\n${JSON.stringify(body)}`)
      .digest('hex');
    expect(stored).not.toContain(plain);
  });
});

const times = <T>(n: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => work(index)));

/** Lets nobody on before `n` are there. */
function meeting(n: number): () => Promise<void> {
  const { promise, resolve } = withResolvers();
  return () => {
    if (--n === 0) resolve();
    return promise;
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** What no HTTP client agrees to send. */
function sendRaw(url: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(request));
    socket
      .setEncoding('latin1')
      .on('data', (chunk: string) => (answer += chunk))
      .on('error', reject)
      .on('close', () => resolve(answer));
  });
}
