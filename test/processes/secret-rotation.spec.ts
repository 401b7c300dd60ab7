import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, Client } from '../support/client.js';
import { createDatabase, onEveryDatabase, type TestDatabase } from '../support/databases.js';
import { anotherJpeg } from '../support/images.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';
import { ADMIN, JWT_SECRET as OLD, newCustomer } from '../support/service.js';

const NEW = 'the next secret of the tests - long enough for HS256';
/** For tests that restart the program several times. */
const TIMEOUT_MS = 300_000;

const PAGE = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
/** The values of `JWT_SECRET` in the steps of the page. */
const STEPS = [...PAGE.matchAll(/^\d\..*`JWT_SECRET=(<[^`]+)`/gm)].map(([, value]) =>
  value!.replace('<old>', OLD).replace('<new>', NEW),
);

onEveryDatabase((kind) => {
  describe('the steps of docs/operations.md that rotate JWT_SECRET', () => {
    const directory = mkdtempSync(join(tmpdir(), 'crm-rotation-'));
    let database: TestDatabase;
    /** The embedded database belongs to one process. */
    const instances: Array<{ program?: Program; client?: Client }> = kind === 'SQLite' ? [{}] : [{}, {}];
    const clients = (): Client[] => instances.map(({ client }) => client!);

    beforeAll(async () => {
      database = await createDatabase(kind);
    });
    afterEach(async () => {
      for (const { program } of instances) await program?.stop();
    });
    afterAll(async () => {
      stopPrograms();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    });

    /** Restarts the instances one after the other. */
    async function restart(secrets: string, check: () => Promise<void> = () => Promise.resolve()): Promise<void> {
      for (const instance of instances) {
        await instance.program?.stop('SIGTERM');
        instance.program = startProgram(
          {
            NODE_ENV: 'test',
            LOG_LEVEL: 'error',
            PORT: '0',
            DATA_DIR: directory,
            ...(database.uri && { DATABASE_URI: database.uri }),
            JWT_SECRET: secrets,
            ADMIN_EMAIL: ADMIN.email,
            ADMIN_PASSWORD: ADMIN.password,
          },
          directory,
        );
        instance.client = new Client(await instance.program.address(), API);
        if (clients().every(Boolean)) await check();
      }
    }

    const signIn = (): Promise<Client> => clients()[0]!.signIn(ADMIN.email, ADMIN.password);
    const refresh = (on: Client, { refreshToken }: Client): Promise<Answer> =>
      on.post('/login/refresh', { refreshToken });
    const changes = (on: Client, { accessToken }: Client, after: string): Promise<Answer> =>
      on.as(accessToken).get(`/customers/changes?after=${after}`);

    it(
      'interrupt no session and no reader of the changes feed, on any instance at any moment',
      async () => {
        expect(STEPS).toEqual([`${OLD},${NEW}`, `${NEW},${OLD}`, NEW]);
        await restart(OLD);
        const [first] = clients();
        const [original, idle, absent] = [await signIn(), await signIn(), await signIn()];
        let active = await signIn();
        const key = { headers: { 'idempotency-key': 'before the rotation' } };
        const customer = newCustomer();
        const { id } = (await active.post('/customers', customer, key)).body as { id: number };
        const photo = await active.put(`/customers/${id}/photo`, await anotherJpeg(), {
          headers: { 'content-type': 'image/jpeg' },
        });
        const { pathname, search } = new URL(photo.body.photo.url as string);
        const { next: cursor } = (await active.get('/customers/changes?after=now')).body.page as { next: string };
        await active.post('/customers', newCustomer());
        const { next: page } = (await active.get('/customers?limit=1')).body.page as { next: string };
        let position = cursor;
        const created: number[] = [];
        const seen: number[] = [];

        /** What the old secret has signed works on all instances, and so does what any of them signs now. */
        const expectUninterrupted = async (): Promise<void> => {
          for (const instance of clients()) {
            expect((await instance.as(original.accessToken).get('/me')).status).toBe(200);
            expect((await changes(instance, original, cursor)).status).toBe(200);
            expect((await instance.as(original.accessToken).get(`/customers?limit=1&cursor=${page}`)).status).toBe(200);
            expect((await fetch(instance.url + pathname + search)).status).toBe(200);
            const again = await instance.as(original.accessToken).post('/customers', customer, key);
            expect([again.status, again.body.id]).toEqual([201, id]);
          }
          await expectActive();
        };
        const expectActive = async (): Promise<void> => {
          for (const instance of clients()) {
            const { status, body } = await refresh(instance, active);
            expect(status).toBe(200);
            active = instance.as(body.accessToken, body.refreshToken);
            for (const other of clients()) expect((await other.as(active.accessToken).get('/me')).status).toBe(200);
            created.push((await active.post('/customers', newCustomer())).body.id);
            const read = await changes(instance, active, position);
            expect(read.status).toBe(200);
            seen.push(...read.body.data.map((change: any) => change.id as number));
            position = read.body.page.next;
          }
        };

        seen.push(...(await changes(first!, active, position)).body.data.map((change: any) => change.id as number));
        position = (await changes(first!, active, position)).body.page.next;
        created.push(...seen);
        await expectUninterrupted();
        await restart(STEPS[0]!, expectUninterrupted);
        await restart(STEPS[1]!, expectUninterrupted);
        // within the 30 days that the page tells to wait
        const { body: refreshed } = await refresh(clients().at(-1)!, idle);
        await restart(STEPS[2]!, expectActive);
        expect(seen).toEqual(created);
        for (const instance of clients())
          expect((await instance.as(refreshed.accessToken).get('/me')).status).toBe(200);
        expect((await refresh(clients()[0]!, refreshed)).status).toBe(200);

        // whoever was not there in the meantime has to begin anew, as the page says of an earlier removal
        for (const instance of clients()) {
          expect(await refresh(instance, absent)).toMatchObject({
            status: 401,
            body: { code: 'invalid_refresh_token' },
          });
          expect(await changes(instance, active, cursor)).toMatchObject({
            status: 400,
            body: { errors: [{ pointer: 'after', code: 'invalid_cursor' }] },
          });
        }
      },
      TIMEOUT_MS,
    );

    it(
      'are one step for a stolen secret: nothing that it has signed is accepted',
      async () => {
        await restart(OLD);
        const user = await signIn();
        const { next: cursor } = (await user.get('/customers/changes?after=now')).body.page as { next: string };
        await restart(NEW);
        const again = await signIn();
        for (const instance of clients()) {
          expect((await instance.as(user.accessToken).get('/me')).status).toBe(401);
          expect((await refresh(instance, user)).status).toBe(401);
          expect((await changes(instance, again, cursor)).status).toBe(400);
          expect((await instance.as(again.accessToken).get('/customers/changes')).status).toBe(200);
        }
      },
      TIMEOUT_MS,
    );
  });
});
