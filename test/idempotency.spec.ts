import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import type { Answer, Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { expectCode, keyed, Rows, sendUnchecked, times } from './support/rows.js';
import { newCustomer, newUser, startService, type TestService, unique } from './support/service.js';

const DAY_MS = 24 * 60 * 60 * 1000;

onEveryDatabase((kind) => {
  let service: TestService;
  let user: Client & { id: number; email: string; password: string };
  const rows = new Rows(() => service);

  beforeAll(async () => {
    service = await startService(kind);
    user = await service.user();
  });
  afterAll(() => service.close());

  describe('Idempotency-Key', () => {
    it('gives the first answer again, byte for byte, and writes once', async () => {
      const body = newCustomer({ name: '👩‍👩‍👧 "Ána"', notes: 'a\nb', company: null });
      const key = { 'idempotency-key': unique() };
      const first = await sendUnchecked(service.admin, 'POST', '/customers', body, key);
      expect(first.status).toBe(201);
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      service.clock.forward(5_000);
      const before = await rows.everything();
      for (let n = 0; n < 3; n++) {
        const again = await sendUnchecked(service.admin, 'POST', '/customers', body, key);
        expect(again.status).toBe(201);
        expect(again.text).toBe(first.text);
        expect(again.headers.get('idempotency-replayed')).toBe('true');
        for (const name of ['etag', 'location', 'content-type'])
          expect(again.headers.get(name)).toBe(first.headers.get(name));
        expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
      }
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.history(JSON.parse(first.text).id)).toHaveLength(1);
      expect(await rows.everything()).toEqual(before);
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
      expect(await rows.withEmail(body.email)).toBe(1);
    });

    it('refuses another body, another path, and writes nothing', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      expect((await service.admin.post('/customers', body, key)).status).toBe(201);
      const before = await rows.everything();
      for (const other of [{ ...body, name: 'Changed' }, { ...body, notes: null }, newCustomer()])
        expectCode(await service.admin.post('/customers', other, key), 422, 'idempotency_key_reused');
      expectCode(await service.admin.post('/users', body, key), 422, 'idempotency_key_reused');
      expectCode(await service.admin.post(`/users/${user.id}/password-reset`, {}, key), 422, 'idempotency_key_reused');
      expect(await rows.everything()).toEqual(before);
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
      expect(await rows.withEmail(mine.email)).toBe(1);
      expect(await rows.withEmail(theirs.email)).toBe(1);
    });

    it('gives nobody else the answer to the same key and body', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      expect((await user.post('/customers', body, key)).status).toBe(201);
      expectCode(await service.admin.post('/customers', body, key), 409, 'email_taken');
      expect(await rows.withEmail(body.email)).toBe(1);
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
      const before = await rows.everything();
      const { email } = newCustomer();
      const answer = await user.post('/customers', newCustomer({ email }), keyed(key));
      expectCode(answer, 400, 'invalid_request');
      expect(answer.body.errors.map(({ pointer }: any) => pointer)).toEqual(['Idempotency-Key']);
      expect(await rows.everything()).toEqual(before);
    });

    it.each(['\u0000', '\u0001', '\u001b', '\u007f'])('is refused with the control character %j', async (character) => {
      const before = await rows.everything();
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
      expect(await rows.everything()).toEqual(before);
    });

    it('may have 255 characters', async () => {
      const key = keyed(`${unique()}${'k'.repeat(255)}`.slice(0, 255));
      const body = newCustomer();
      const first = await user.post('/customers', body, key);
      const again = await user.post('/customers', body, key);
      expect([first.status, again.status]).toEqual([201, 201]);
      expect(again.body).toEqual(first.body);
      expect(await rows.withEmail(body.email)).toBe(1);
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
        expectCode(await nearly.post('/customers', other, key), 422, 'idempotency_key_reused');
        const again = await nearly.post('/customers', body, key);
        expect(again.body).toEqual(first.body);
        expect(again.headers.get('idempotency-replayed')).toBe('true');

        service.clock.forward(2 * margin);
        const later = await service.anonymous.signIn(user.email, user.password);
        const anew = await later.post('/customers', other, key);
        expect(anew.status).toBe(201);
        expect(anew.headers.get('idempotency-replayed')).toBeNull();
        expect((await later.post('/customers', other, key)).body).toEqual(anew.body);
        expectCode(await later.post('/customers', body, key), 422, 'idempotency_key_reused');
      } finally {
        service.clock.forward(-DAY_MS - margin);
      }
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.withEmail(other.email)).toBe(1);
    });

    it('writes once when it is sent 50 times at once', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      const answers = await times(50, () => user.post('/customers', body, key));
      const created = answers.filter(({ status }) => status === 201);
      for (const answer of answers) if (answer.status !== 201) expectCode(answer, 409, 'idempotency_in_progress');
      expect(created.length).toBeGreaterThan(0);
      for (const answer of created) expect(answer.body).toEqual(created[0]!.body);
      expect(created.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.history(created[0]!.body.id)).toHaveLength(1);
    });

    it('writes once when it has expired and is sent 20 times at once', async () => {
      const key = keyed(unique());
      await user.post('/customers', newCustomer(), key);
      await rows.query('UPDATE idempotency_records SET expires_at = ?', ['2020-01-01 00:00:00.000']);
      const body = newCustomer();
      const answers = await times(20, () => user.post('/customers', body, key));
      for (const answer of answers) if (answer.status !== 201) expectCode(answer, 409, 'idempotency_in_progress');
      const created = answers.filter(({ status }) => status === 201);
      expect(created.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      for (const answer of created) expect(answer.body).toEqual(created[0]!.body);
      expect(await rows.withEmail(body.email)).toBe(1);
    });

    it('lets one of two bodies win that are sent at once', async () => {
      const key = keyed(unique());
      const bodies = [newCustomer(), newCustomer()];
      const answers = await times(10, (n) => user.post('/customers', bodies[n % 2], key));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([201, 201, 201, 201, 201, 422, 422, 422, 422, 422]);
      expect(await rows.count('customers WHERE email IN (?, ?)', [bodies[0]!.email, bodies[1]!.email])).toBe(1);
    });

    it('is not kept for a request that failed', async () => {
      const before = await rows.count('idempotency_records');
      const holder = await rows.create();
      const body = newCustomer({ email: holder.email });
      const key = keyed(unique());
      expectCode(await user.post('/customers', body, key), 409, 'email_taken');
      expectCode(await user.post('/customers', { ...body, phone: 'none' }, key), 400, 'invalid_request');
      expectCode(await service.admin.post('/users/2147483647/password-reset', {}, key), 404, 'user_not_found');
      expect(await rows.count('idempotency_records')).toBe(before);

      await service.admin.delete(`/customers/${holder.id}`);
      const { status, headers } = await user.post('/customers', body, key);
      expect(status).toBe(201);
      expect(headers.get('idempotency-replayed')).toBeNull();
      expect(await rows.count('idempotency_records')).toBe(before + 1);
    });

    it('says that the first request is still running', async () => {
      const key = unique();
      const before = await rows.count('idempotency_records');
      const first = await user.post('/customers', newCustomer(), keyed(key));
      const [{ key_hash: keyHash }] = await rows.query(
        'SELECT key_hash FROM idempotency_records WHERE user_id = ? ORDER BY expires_at DESC LIMIT 1',
        [user.id],
      );
      await rows.query('DELETE FROM idempotency_records WHERE key_hash = ?', [keyHash]);
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
          if (kind === 'MariaDB') expectCode(await second, 409, 'idempotency_in_progress');
          throw new Error('the first request fails');
        })
        .catch(() => undefined);
      const answer = kind === 'MariaDB' ? await user.post('/customers', body, keyed(key)) : await second!;
      expect(answer.status).toBe(201);
      expect(answer.body.id).not.toBe(first.body.id);
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.count('idempotency_records')).toBe(before + 1);
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
      expect(await rows.count('users WHERE email = ?', [body.email])).toBe(1);
      expect(await rows.history(first.body.id, 'user')).toHaveLength(1);

      const { token } = first.body.invitation;
      expect(token).toMatch(/^[\w-]{43}$/);
      const stored = JSON.stringify(await rows.everything());
      expect(stored).not.toContain(token);
      expect(stored).not.toContain(Buffer.from(token).toString('base64').slice(2, -4));
      const kept = await rows.query('SELECT * FROM idempotency_records');
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
      for (const answer of answers) if (answer.status !== 201) expectCode(answer, 409, 'idempotency_in_progress');
      const again = await service.admin.post(path, undefined, key);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      for (const { body } of answers.filter(({ status }) => status === 201)) expect(body).toEqual(again.body);
      expect((await rows.history(reset.id, 'user')).map(({ action }) => action)).toEqual([
        'created',
        'password_reset_issued',
      ]);
      expect(JSON.stringify(await rows.everything())).not.toContain(again.body.token);

      const other = await service.admin.post(path, undefined, keyed(unique()));
      expect(other.status).toBe(201);
      expect(other.body.token).not.toBe(again.body.token);
      expect(await rows.history(reset.id, 'user')).toHaveLength(3);
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
    expect(await rows.withEmail(email)).toBe(1);
  });

  it('keeps no hash that a password could be guessed from', async () => {
    const body = newUser();
    const key = unique();
    expect((await service.admin.post('/users', body, keyed(key))).status).toBe(201);
    const stored = JSON.stringify(await rows.query('SELECT * FROM idempotency_records'));
    const plain = createHash('sha256')
      .update(`POST /users\n${JSON.stringify(body)}`)
      .digest('hex');
    expect(stored).not.toContain(plain);
  });
});

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
