import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaveUnchecked } from '../support/checked-responses.js';
import { type Answer, persist } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { anotherJpeg } from '../support/images.js';
import { type Program, startProgram, stopPrograms, until } from '../support/program.js';
import { ADMIN, JWT_SECRET, newCustomer, newUser, unique } from '../support/service.js';

/**
 * Whether the previous release works on the schema of this one: both run side by side during an upgrade, and going back
 * starts the previous one again. Its build is committed, as a checkout may lack the history; CONTRIBUTING.md says how it is
 * made. It runs on the packages of this release, which lack one that its `/docs` needs.
 */
const BUILD = fileURLToPath(new URL('../fixtures/previous-release.tgz', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** For tests that start programs again and again: the embedded database belongs to one at a time. */
const TIMEOUT_MS = 240_000;

type Release = 'previous' | 'this';
const RELEASES: Release[] = ['previous', 'this'];
const DIRECTIONS: Array<[Release, Release]> = [
  ['previous', 'this'],
  ['this', 'previous'],
];

interface Sent {
  body?: unknown;
  headers?: Record<string, string>;
  token?: string;
}

onEveryDatabase((kind) => {
  describe('the previous release and this one', () => {
    const directory = mkdtempSync(join(tmpdir(), 'crm-previous-'));
    const running: Partial<Record<Release, Program>> = {};
    let database: TestDatabase;
    let accessToken: string;

    beforeAll(async () => {
      execFileSync('tar', ['-xzf', BUILD, '-C', directory]);
      symlinkSync(PACKAGES, join(directory, 'node_modules'));
      database = await createDatabase(kind);
    });
    afterAll(async () => {
      stopPrograms();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    });

    /** Starts the release unless it runs. */
    async function addressOf(release: Release): Promise<string> {
      const other = release === 'this' ? 'previous' : 'this';
      if (kind === 'SQLite') await stop(other);
      running[release] ??= startProgram(
        {
          NODE_ENV: 'test',
          LOG_LEVEL: 'error',
          DOCS: 'off',
          PORT: '0',
          DATA_DIR: join(directory, 'data'),
          ...(database.uri && { DATABASE_URI: database.uri }),
          JWT_SECRET,
          ADMIN_EMAIL: ADMIN.email,
          ADMIN_PASSWORD: ADMIN.password,
        },
        directory,
        release === 'previous' ? { main: join(directory, 'dist/src/main.js') } : {},
      );
      const address = await running[release].address();
      if (release === 'previous') leaveUnchecked(address);
      return address;
    }

    async function stop(release: Release): Promise<void> {
      const program = running[release];
      delete running[release];
      expect(await program?.stop('SIGTERM')).toEqual(program && { code: 0, signal: null });
    }

    async function send(
      release: Release,
      method: string,
      path: string,
      { body, headers, token = accessToken }: Sent = {},
    ): Promise<Answer> {
      const isPhoto = body instanceof Buffer;
      const response = await fetch((await addressOf(release)) + path, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': isPhoto ? 'image/jpeg' : 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : isPhoto ? new Uint8Array(body) : JSON.stringify(body),
      });
      const text = await response.text();
      const answer = { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
      if (answer.status === 500) throw new Error(`${method} ${path} on ${release} release: ${text}`);
      return answer;
    }

    /** The body of a successful response. */
    async function ok(release: Release, method: string, path: string, sent?: Sent): Promise<any> {
      const { status, body } = await send(release, method, path, sent);
      expect([method, path, status < 300 ? 'ok' : { status, body }]).toEqual([method, path, 'ok']);
      return body;
    }

    const create = (release: Release, values?: Record<string, unknown>): Promise<any> =>
      ok(release, 'POST', '/customers', { body: newCustomer(values) });
    const signIn = (release: Release, { email, password }: { email: string; password: string }): Promise<any> =>
      ok(release, 'POST', '/login', { body: { email, password }, token: '' });
    const idsIn = async (release: Release, query: string): Promise<number[]> =>
      (await ok(release, 'GET', `/customers?${query}`)).data.map(({ id }: { id: number }) => id);
    /** What both releases know of a customer; the addresses of photos differ. */
    const common = ({ mergedInto: _, photo, ...customer }: any): unknown => ({ ...customer, hasPhoto: photo !== null });

    it(
      'serve side by side from the first migration on',
      async () => {
        ({ accessToken } = await signIn('previous', ADMIN));
        const { id } = await create('previous', { phone: '+34911222333' });
        let isMigrated = kind === 'SQLite';
        const migration = addressOf('this').finally(() => (isMigrated = true));
        // an upgrade does not interrupt the instances of the previous release
        let count = 0;
        while (!isMigrated) {
          for (const [method, path, body] of [
            ['POST', '/customers', newCustomer()],
            ['PATCH', `/customers/${id}`, { company: `Company ${count++}` }],
            ['GET', '/customers?limit=5', undefined],
          ] as const) {
            const { status } = await persist(() => send('previous', method, path, { body }));
            expect([path, status]).toEqual([path, method === 'POST' ? 201 : 200]);
          }
        }
        await migration;
        for (const release of RELEASES) {
          expect((await send(release, 'GET', '/readyz')).status).toBe(200);
          expect(await ok(release, 'GET', `/customers/${id}`)).toMatchObject({ phone: '+34911222333' });
          const { version } = await ok(release, 'GET', '/');
          expect(String(version).startsWith('0.1.')).toBe(release === 'previous');
        }
      },
      TIMEOUT_MS,
    );

    // of the embedded database only one of them may run: more would be many starts without a difference
    it.each(kind === 'SQLite' ? DIRECTIONS.slice(0, 1) : DIRECTIONS)(
      'read and change customers of each other: created by the %s one',
      async (one, other) => {
        const created = await create(one, { phone: '+34911222333', company: 'Núñez & Sons', notes: 'VIP' });
        const path = `/customers/${created.id}`;
        expect(common(await ok(other, 'GET', path))).toEqual(common(created));
        const changed = await ok(other, 'PATCH', path, {
          body: { surname: 'Ibáñez' },
          headers: { 'if-match': '"v1"' },
        });
        expect(common(await ok(one, 'GET', path))).toEqual(common(changed));
        const stale = await send(one, 'PATCH', path, { body: { name: 'Eva' }, headers: { 'if-match': '"v1"' } });
        expect([stale.status, stale.body.code]).toEqual([412, 'version_conflict']);
        expect((await send(one, 'DELETE', path)).status).toBe(204);
        expect((await send(other, 'GET', path)).status).toBe(404);
        // its e-mail is free, and taken again
        const taken = newCustomer({ email: created.email });
        const next = await ok(other, 'POST', '/customers', { body: taken });
        expect((await send(one, 'POST', '/customers', { body: taken })).body.code).toBe('email_taken');
        expect((await send(one, 'POST', `${path}/restore`)).status).toBe(409);
        await ok(one, 'DELETE', `/customers/${next.id}`);
        const restored = await ok(other, 'POST', `${path}/restore`);
        expect(restored).toMatchObject({ version: 4, surname: 'Ibáñez' });
        for (const release of [one, other]) {
          const { data } = await ok(release, 'GET', `${path}/history`);
          expect(data.map((entry: any) => [entry.version, entry.action, entry.changes.surname])).toEqual([
            [4, 'restored', undefined],
            [3, 'deleted', undefined],
            [2, 'updated', ['de la Cruz', 'Ibáñez']],
            [1, 'created', [null, 'de la Cruz']],
          ]);
        }
        const reverted = await ok('this', 'POST', `${path}/revert`, { body: { version: 1 } });
        expect(common(await ok('previous', 'GET', path))).toEqual(common(reverted));
        expect(reverted).toMatchObject({ version: 5, surname: 'de la Cruz' });
      },
      TIMEOUT_MS,
    );

    it(
      'list what the other one wrote, which searches find too',
      async () => {
        const created = await create('previous', { name: 'Žofie', surname: 'Aaaa', company: 'Ørsted' });
        const renamed = await create('this', { name: 'Before', surname: 'Aaab' });
        await ok('previous', 'PATCH', `/customers/${renamed.id}`, { body: { name: 'Łucja', surname: 'Aaac' } });
        await until(async () => (await idsIn('this', 'q=zofie')).includes(created.id));
        await until(async () => (await idsIn('this', 'q=lucja')).includes(renamed.id));
        expect(await idsIn('this', 'q=before')).toEqual([]);
        expect(await idsIn('this', 'company=orsted')).toEqual([created.id]);
        for (const release of RELEASES)
          expect(await idsIn(release, 'sort=surname&limit=2')).toEqual([created.id, renamed.id]);
        const written = await create('this', { surname: 'Aaad' });
        expect(await idsIn('previous', `email=${encodeURIComponent(written.email)}`)).toEqual([written.id]);
      },
      TIMEOUT_MS,
    );

    it(
      'give readers of the changes feed each change once',
      async () => {
        const { next } = (await ok('this', 'GET', '/customers/changes?after=now')).page;
        const { id } = await create('previous');
        await ok('this', 'PATCH', `/customers/${id}`, { body: { company: 'One' } });
        await ok('previous', 'PATCH', `/customers/${id}`, { body: { company: 'Two' } });
        await ok('previous', 'DELETE', `/customers/${id}`);
        await ok('this', 'POST', `/customers/${id}/restore`);
        const { data, page } = await ok('this', 'GET', `/customers/changes?after=${next}`);
        expect(data.map((change: any) => [change.id, change.version, change.action])).toEqual(
          ['created', 'updated', 'updated', 'deleted', 'restored'].map((action, n) => [id, n + 1, action]),
        );
        expect((await ok('this', 'GET', `/customers/changes?after=${page.next}`)).data).toEqual([]);
        // as it was before a change of the previous release, whose entries have no state
        const { at } = data[2];
        const before = new Date(new Date(at as string).getTime() - 1).toISOString();
        expect(await ok('this', 'GET', `/customers/${id}?asOf=${before}`)).toMatchObject({
          version: 2,
          company: 'One',
        });
      },
      TIMEOUT_MS,
    );

    it(
      'know merged and erased customers, to the previous one as deleted ones',
      async () => {
        const [kept, merged, erased] = [
          await create('previous'),
          await create('previous', { company: 'Filled' }),
          await create('previous', { name: 'Secret' }),
        ];
        await ok('this', 'POST', `/customers/${kept.id}/merge`, { body: { from: merged.id } });
        await ok('this', 'POST', `/customers/${erased.id}/erase`);
        expect(await ok('previous', 'GET', `/customers/${kept.id}`)).toMatchObject({ company: 'Filled', version: 2 });
        const listed = await idsIn('previous', 'limit=200');
        for (const { id } of [merged, erased]) {
          expect((await send('previous', 'GET', `/customers/${id}`)).status).toBe(404);
          expect(listed).not.toContain(id);
        }
        const history = JSON.stringify(await ok('previous', 'GET', `/customers/${erased.id}/history`));
        expect(history).not.toContain('Secret');
        // the previous release restores without undoing the merge: from then on it is another person
        await ok('previous', 'POST', `/customers/${merged.id}/restore`);
        expect(await ok('this', 'GET', `/customers/${merged.id}`)).toMatchObject({
          mergedInto: null,
          company: 'Filled',
        });
        await ok('this', 'POST', `/customers/${kept.id}/erase`);
        expect((await send('this', 'GET', `/customers/${kept.id}`)).status).toBe(410);
        await ok('this', 'GET', `/customers/${merged.id}`);
      },
      TIMEOUT_MS,
    );

    if (kind === 'MariaDB') {
      it.each(DIRECTIONS)(
        'continue and end sessions of each other: begun by the %s one',
        async (one, other) => {
          const begun = await signIn(one, ADMIN);
          await ok(other, 'GET', '/me', { token: begun.accessToken });
          const continued = await ok(other, 'POST', '/login/refresh', {
            body: { refreshToken: begun.refreshToken },
            token: '',
          });
          await ok(one, 'GET', '/me', { token: continued.accessToken });
          await ok(other, 'POST', '/logout', { token: continued.accessToken });
          for (const release of [one, other])
            expect((await send(release, 'GET', '/me', { token: begun.accessToken })).status).toBe(401);
        },
        TIMEOUT_MS,
      );

      it.each(DIRECTIONS)(
        'answer retries of each other: first answered by the %s one',
        async (one, other) => {
          const created = (path: string, body: unknown) => ({ path, body, headers: { 'idempotency-key': unique() } });
          for (const { path, ...sent } of [
            created('/customers', newCustomer({ company: 'Núñez & Sons' })),
            created('/users', newUser({ password: undefined })),
          ]) {
            const first = await ok(one, 'POST', path, sent);
            const again = await send(other, 'POST', path, sent);
            expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
            expect({ ...again.body, mergedInto: null }).toEqual({ ...first, mergedInto: null });
            const reused = await send(other, 'POST', path, { ...sent, body: { ...newUser(), password: undefined } });
            expect(reused.body.code).toBe('idempotency_key_reused');
          }
          // with a photo, which the previous release answers without it
          const photo = await anotherJpeg();
          const sendForm = async (release: Release): Promise<any> => {
            const headers = { authorization: `Bearer ${accessToken}`, 'idempotency-key': `photo on ${one}` };
            const body = form({ email: `${one}-photo@example.com`, name: 'Ana', surname: 'Cruz' }, photo);
            const response = await fetch(`${await addressOf(release)}/customers`, { method: 'POST', headers, body });
            expect(response.status).toBe(201);
            return response.json();
          };
          const { id } = await sendForm(one);
          const again = await sendForm(other);
          expect(again.id).toBe(id);
          if (other === 'this') expect((await fetch(again.photo.url as string)).status).toBe(200);
          expect((await ok(one, 'GET', `/customers/${id}`)).photo).not.toBeNull();
        },
        TIMEOUT_MS,
      );

      it.each(DIRECTIONS)(
        'show, replace and remove photos of each other: uploaded to the %s one',
        async (one, other) => {
          const path = `/customers/${(await create(one)).id}`;
          const isServed = async (release: Release): Promise<boolean> => {
            const { url } = (await ok(release, 'GET', path)).photo as { url: string };
            const response = await fetch(url);
            return response.headers.get('content-type') === 'image/webp' && (await response.blob()).size > 0;
          };
          await ok(one, 'PUT', `${path}/photo`, { body: await anotherJpeg() });
          for (const release of [one, other]) expect(await isServed(release)).toBe(true);
          await ok(other, 'PUT', `${path}/photo`, { body: await anotherJpeg() });
          for (const release of [other, one]) expect(await isServed(release)).toBe(true);
          await ok(one, 'DELETE', `${path}/photo`);
          for (const release of [one, other]) expect((await ok(release, 'GET', path)).photo).toBeNull();
        },
        TIMEOUT_MS,
      );

      it.each(DIRECTIONS)(
        'accept users, passwords and roles of each other: created by the %s one',
        async (one, other) => {
          const values = newUser();
          const { id } = await ok(one, 'POST', '/users', { body: values });
          const { accessToken: token } = await signIn(other, values);
          expect((await send(other, 'GET', '/users', { token })).status).toBe(403);
          await ok(other, 'PUT', `/users/${id}/role`, { body: { role: 'admin' } });
          await ok(one, 'GET', '/users', { token });
          await ok(one, 'PUT', `/users/${id}/role`, { body: { role: 'user' } });
          expect((await send(other, 'GET', '/me', { token })).status).toBe(401);
          const reset = await ok(other, 'POST', `/users/${id}/password-reset`);
          const newPassword = `another ${values.password}`;
          await ok(one, 'POST', '/login/password', { body: { token: reset.token, newPassword }, token: '' });
          await signIn(other, { ...values, password: newPassword });
          const invited = newUser({ password: undefined });
          const { invitation } = await ok(one, 'POST', '/users', { body: invited });
          await ok(other, 'POST', '/login/password', { body: { token: invitation.token, newPassword }, token: '' });
          await signIn(one, { ...invited, password: newPassword });
          await ok(other, 'DELETE', `/users/${id}`);
          expect(
            (await send(one, 'POST', '/login', { body: { email: values.email, password: newPassword } })).status,
          ).toBe(401);
        },
        TIMEOUT_MS,
      );
    }

    it(
      'start again on the schema of this one, after a rollback and after the next upgrade',
      async () => {
        for (const release of RELEASES) await stop(release);
        const { id } = await create('previous', { name: 'Rolledback' });
        expect((await send('previous', 'GET', '/readyz')).status).toBe(200);
        await stop('previous');
        // indexed before the first request
        expect(await idsIn('this', 'q=rolledback')).toEqual([id]);
        const { data } = await ok('this', 'GET', '/customers/changes?limit=200');
        expect(data.length).toBeGreaterThan(0);
      },
      TIMEOUT_MS,
    );
  });
});
