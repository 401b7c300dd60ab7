import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { type Answer, type Client, persist } from './support/client.js';
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
    it('returns the first response byte for byte and writes once', async () => {
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

    it('returns the first response even after the customer is changed and deleted', async () => {
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

    it('refuses to be reused with another body or path and writes nothing', async () => {
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

    it('is scoped to the user who sent it', async () => {
      const key = keyed(unique());
      const [own, others] = [newCustomer(), newCustomer()];
      const first = await user.post('/customers', own, key);
      const other = await service.admin.post('/customers', others, key);
      expect(other.status).toBe(201);
      expect(other.headers.get('idempotency-replayed')).toBeNull();
      expect(other.body.email).toBe(others.email);
      expect((await user.post('/customers', own, key)).body).toEqual(first.body);
      expect((await service.admin.post('/customers', others, key)).body).toEqual(other.body);
      expect(await rows.withEmail(own.email)).toBe(1);
      expect(await rows.withEmail(others.email)).toBe(1);
    });

    it('never replays a response to another user, even for the same key and body', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      expect((await user.post('/customers', body, key)).status).toBe(201);
      expectCode(await service.admin.post('/customers', body, key), 409, 'email_taken');
      expect(await rows.withEmail(body.email)).toBe(1);
    });

    it('is case-sensitive', async () => {
      const key = `key-${unique()}`;
      const [first, other] = await Promise.all([
        user.post('/customers', newCustomer(), keyed(key)),
        user.post('/customers', newCustomer(), keyed(key.toUpperCase())),
      ]);
      expect([first.status, other.status]).toEqual([201, 201]);
    });

    it.each([
      ['is empty', ''],
      ['has 256 characters', 'k'.repeat(256)],
      ['contains a tab', 'a\tb'],
      ['contains a non-ASCII letter', 'ké'],
      ['contains a non-ASCII control character', 'a\u0085b'],
    ])('is refused if it %s', async (_rule, key) => {
      const before = await rows.everything();
      const { email } = newCustomer();
      const response = await user.post('/customers', newCustomer({ email }), keyed(key));
      expectCode(response, 400, 'invalid_request');
      expect(response.body.errors.map(({ pointer }: any) => pointer)).toEqual(['Idempotency-Key']);
      expect(await rows.everything()).toEqual(before);
    });

    it.each(['\u0000', '\u0001', '\u001b', '\u007f'])(
      'is refused if it contains the control character %j',
      async (character) => {
        const before = await rows.everything();
        const body = JSON.stringify(newCustomer());
        const response = await sendRaw(
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
        expect(response).toMatch(/^HTTP\/1\.1 400 /);
        expect(await rows.everything()).toEqual(before);
      },
    );

    it('accepts 255 characters', async () => {
      const key = keyed(`${unique()}${'k'.repeat(255)}`.slice(0, 255));
      const body = newCustomer();
      const first = await user.post('/customers', body, key);
      const again = await user.post('/customers', body, key);
      expect([first.status, again.status]).toEqual([201, 201]);
      expect(again.body).toEqual(first.body);
      expect(await rows.withEmail(body.email)).toBe(1);
    });

    it('expires after 24 hours, not earlier', async () => {
      const body = newCustomer();
      const other = newCustomer();
      const key = keyed(unique());
      const first = await user.post('/customers', body, key);
      const margin = 60_000;
      try {
        service.clock.forward(DAY_MS - margin);
        const beforeExpiry = await service.anonymous.signIn(user.email, user.password);
        expectCode(await beforeExpiry.post('/customers', other, key), 422, 'idempotency_key_reused');
        const again = await beforeExpiry.post('/customers', body, key);
        expect(again.body).toEqual(first.body);
        expect(again.headers.get('idempotency-replayed')).toBe('true');

        service.clock.forward(2 * margin);
        const afterExpiry = await service.anonymous.signIn(user.email, user.password);
        const fresh = await afterExpiry.post('/customers', other, key);
        expect(fresh.status).toBe(201);
        expect(fresh.headers.get('idempotency-replayed')).toBeNull();
        expect((await afterExpiry.post('/customers', other, key)).body).toEqual(fresh.body);
        expectCode(await afterExpiry.post('/customers', body, key), 422, 'idempotency_key_reused');
      } finally {
        service.clock.forward(-DAY_MS - margin);
      }
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.withEmail(other.email)).toBe(1);
    });

    it('writes once when 50 requests with the same key run concurrently', async () => {
      const body = newCustomer();
      const key = keyed(unique());
      const responses = await times(50, () => persist(() => user.post('/customers', body, key)));
      const created = responses.filter(({ status }) => status === 201);
      for (const response of responses)
        if (response.status !== 201) expectCode(response, 409, 'idempotency_in_progress');
      expect(created.length).toBeGreaterThan(0);
      for (const response of created) expect(response.body).toEqual(created[0]!.body);
      expect(created.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.history(created[0]!.body.id)).toHaveLength(1);
    });

    it('writes once when 20 concurrent requests reuse an expired key', async () => {
      const key = keyed(unique());
      await user.post('/customers', newCustomer(), key);
      await rows.query('UPDATE idempotency_records SET expires_at = ?', ['2020-01-01 00:00:00.000']);
      const body = newCustomer();
      const responses = await times(20, () => persist(() => user.post('/customers', body, key)));
      for (const response of responses)
        if (response.status !== 201) expectCode(response, 409, 'idempotency_in_progress');
      const created = responses.filter(({ status }) => status === 201);
      expect(created.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      for (const response of created) expect(response.body).toEqual(created[0]!.body);
      expect(await rows.withEmail(body.email)).toBe(1);
    });

    it('accepts one of two bodies sent concurrently with the same key', async () => {
      const key = keyed(unique());
      const bodies = [newCustomer(), newCustomer()];
      const responses = await times(10, (n) => persist(() => user.post('/customers', bodies[n % 2], key)));
      const statuses = responses.map(({ status }) => status).sort();
      expect(statuses).toEqual([201, 201, 201, 201, 201, 422, 422, 422, 422, 422]);
      expect(await rows.count('customers WHERE email IN (?, ?)', [bodies[0]!.email, bodies[1]!.email])).toBe(1);
    });

    it('is not stored for a failed request', async () => {
      const holder = await rows.create();
      const before = await rows.count('idempotency_records');
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

    it('reports that the first request is still in progress', async () => {
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
          // the embedded database queues the request until this transaction ends instead
          if (kind === 'MariaDB') expectCode(await second, 409, 'idempotency_in_progress');
          throw new Error('the first request fails');
        })
        .catch(() => undefined);
      const response = kind === 'MariaDB' ? await user.post('/customers', body, keyed(key)) : await second!;
      expect(response.status).toBe(201);
      expect(response.body.id).not.toBe(first.body.id);
      expect(await rows.withEmail(body.email)).toBe(1);
      expect(await rows.count('idempotency_records')).toBe(before + 1);
    });

    it('creates a user once and stores the invitation token nowhere in the database', async () => {
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
      const records = await rows.query('SELECT * FROM idempotency_records');
      expect(JSON.stringify(records)).not.toContain(body.email);
      expect(JSON.stringify(records)).not.toContain(key);
      for (const { answer } of records)
        expect(Buffer.from(answer, 'base64').toString('latin1')).not.toMatch(/example|invitation|"id"/);

      const redeemed = await service.anonymous.post('/login/password', { token, newPassword: 'battery staple' });
      expect(redeemed.status).toBe(204);
      await service.anonymous.signIn(body.email, 'battery staple');
    });

    it('issues one password reset', async () => {
      const { body: reset } = await service.admin.post('/users', newUser({ password: undefined }));
      const path = `/users/${reset.id}/password-reset`;
      const key = keyed(unique());
      const responses = await times(10, () => persist(() => service.admin.post(path, undefined, key)));
      for (const response of responses)
        if (response.status !== 201) expectCode(response, 409, 'idempotency_in_progress');
      const again = await service.admin.post(path, undefined, key);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      for (const { body } of responses.filter(({ status }) => status === 201)) expect(body).toEqual(again.body);
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

  it('refuses each of 50 concurrent requests with the same key and a taken e-mail', async () => {
    const { email } = (await user.post('/customers', newCustomer())).body;
    const key = unique();
    const responses = await times(50, () => persist(() => user.post('/customers', newCustomer({ email }), keyed(key))));
    for (const { status, body } of responses) {
      expect(status).toBe(409);
      expect(['email_taken', 'idempotency_in_progress']).toContain(body.code);
    }
    expect(await rows.withEmail(email)).toBe(1);
  });

  it('stores no request hash that allows guessing a password', async () => {
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

/** Sends bytes that HTTP clients refuse to send. */
function sendRaw(url: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let response = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(request));
    socket
      .setEncoding('latin1')
      .on('data', (chunk: string) => (response += chunk))
      .on('error', reject)
      .on('close', () => resolve(response));
  });
}
