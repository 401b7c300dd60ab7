import { type Client, persist } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { ADMIN, startService, type TestService, unique } from '../support/service.js';

const MINUTE_MS = 60_000;
/** Delays of the service pass this many times faster. */
const PACE = 5;

let lastAddress = 0;
/** An address of the documentation range (RFC 3849), each in a network of its own. */
const createAddress = (): string => `2001:db8:0:${(++lastAddress).toString(16)}::1`;

onEveryDatabase((kind) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService(kind);
    service.clock.pace = PACE;
  });
  afterAll(() => service.close());
  afterEach(() => service.clock.reset());

  const attempt = (email: string, password: string, address: string, client = service.anonymous) =>
    client.post('/login', { email, password }, { headers: { 'x-forwarded-for': address } });

  /** Sends wrong passwords: the first five concurrently, as they are free, the others sequentially. */
  async function guess(times: number, email: string, address: string, client?: Client): Promise<number[]> {
    const once = async () => {
      const { status, body, headers } = await attempt(email, 'wrong', address, client);
      if (status === 429) {
        expect(body.code).toBe('too_many_requests');
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
      return status;
    };
    const statuses = await Promise.all(Array.from({ length: Math.min(times, 5) }, once));
    while (statuses.length < times) statuses.push(await once());
    return statuses;
  }

  it('allows five wrong passwords, then refuses even the right one for a while, at that address', async () => {
    const { email, password } = await service.user();
    const address = createAddress();
    expect(await guess(7, email, address)).toEqual([401, 401, 401, 401, 401, 401, 429]);
    expect((await attempt(email, password, address)).status).toBe(429);
    expect((await attempt(email, password, createAddress())).status).toBe(200);
    service.clock.forward(2_001);
    expect((await attempt(email, password, address)).status).toBe(200);
    // A successful sign-in resets the counter.
    expect(await guess(5, email, address)).toEqual([401, 401, 401, 401, 401]);
  });

  it('allows one attempt after 2, 4, 8, … seconds, up to a minute', async () => {
    const { email } = await service.user();
    const address = createAddress();
    await guess(6, email, address);
    const pauses: number[] = [];
    for (let round = 0; round < 6; round++) {
      const { status, headers } = await attempt(email, 'wrong', address);
      expect(status).toBe(429);
      pauses.push(Number(headers.get('retry-after')));
      service.clock.forward(Number(headers.get('retry-after')) * 1000);
      expect((await attempt(email, 'wrong', address)).status).toBe(401);
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 60]);
    service.clock.forward(15 * MINUTE_MS);
    expect(await guess(2, email, address)).toEqual([401, 401]);
  });

  it('slows down 100 addresses that guess one password, but not its owner', async () => {
    const { email, password } = await service.user();
    const home = createAddress();
    expect((await attempt(email, password, home)).status).toBe(200);
    const responses: number[] = [];
    const checked = () => responses.filter((status) => status === 401).length;
    const attack = Array.from({ length: 100 }, async () => {
      responses.push((await attempt(email, 'wrong', createAddress())).status);
    });
    expect((await attempt(email, password, home)).status).toBe(200);
    const checkedBefore = checked();
    await Promise.all(attack);
    for (const status of responses) expect([401, 429, 503]).toContain(status);
    expect(checked()).toBeLessThan(30);
    // The owner did not wait in the queue of the attack.
    expect(checked() - checkedBefore).toBeGreaterThanOrEqual(3);
    const abroad = await attempt(email, password, createAddress());
    expect(abroad.status).toBe(200);
    // The next guess is delayed, whatever its address. The assertion is a lower bound, so a busy machine cannot break it.
    const started = performance.now();
    expect((await attempt(email, 'wrong', createAddress())).status).toBe(401);
    expect(performance.now() - started).toBeGreaterThan(1_900 / PACE);
  });

  it('counts concurrent attempts from one address like sequential ones', async () => {
    const { email } = await service.user();
    const address = createAddress();
    const responses = await Promise.all(Array.from({ length: 40 }, () => attempt(email, 'wrong', address)));
    const checked = responses.filter(({ status }) => status === 401);
    expect(checked.length).toBeGreaterThanOrEqual(5);
    expect(checked.length).toBeLessThanOrEqual(8);
    expect(responses.every(({ status }) => status === 401 || status === 429)).toBe(true);
  });

  it('stops an address that tries one password for many accounts, but not users who signed in there before', async () => {
    const { email, password } = await service.user();
    const address = createAddress();
    expect((await attempt(email, password, address)).status).toBe(200);
    const spray = await Promise.all(
      Array.from({ length: 50 }, () =>
        persist(() => attempt(`unknown-${unique()}@example.com`, 'Winter2026!', address)),
      ),
    );
    expect(new Set(spray.map(({ status }) => status))).toEqual(new Set([401]));
    const stranger = await service.user();
    const refused = await attempt(stranger.email, stranger.password, address);
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_requests']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
    expect((await attempt(email, password, address)).status).toBe(200);
    service.clock.forward(15 * MINUTE_MS);
    expect((await attempt(stranger.email, stranger.password, address)).status).toBe(200);
  });

  it('lets 50 concurrent wrong passwords of one address through, not one more', async () => {
    const address = createAddress();
    const spray = await Promise.all(
      Array.from({ length: 120 }, () =>
        persist(() => attempt(`unknown-${unique()}@example.com`, 'Winter2026!', address)),
      ),
    );
    expect(spray.filter(({ status }) => status === 401)).toHaveLength(50);
    expect(spray.filter(({ status }) => status === 429)).toHaveLength(70);
  });

  it('does not count right passwords, also when 60 users of one address sign in at once', async () => {
    const { email, password } = await service.user();
    const others = await Promise.all(Array.from({ length: 60 }, () => service.user()));
    const address = createAddress();
    const statuses = await Promise.all(
      others.map(async (user) => (await persist(() => attempt(user.email, user.password, address))).status),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await guess(1, email, address)).toEqual([401]);
    expect((await attempt(email, password, address)).status).toBe(200);
  });

  it('counts an IPv6 /64 as one address, and an IPv4-mapped address as IPv4', async () => {
    const { email } = await service.user();
    const other = await service.user();
    const fromNetwork = async () => {
      for (let host = 1; host <= 6; host++) await guess(1, email, `2001:db8:ffff:1:${host}::${host}`);
    };
    await Promise.all([fromNetwork(), guess(6, other.email, '192.0.2.7')]);
    expect(await guess(1, email, '2001:db8:ffff:1:ffff:ffff:ffff:ffff')).toEqual([429]);
    expect(await guess(1, email, '2001:db8:ffff:2::1')).toEqual([401]);
    expect(await guess(1, other.email, '::ffff:192.0.2.7')).toEqual([429]);
    expect(await guess(1, other.email, '192.0.2.8')).toEqual([401]);
  });

  it('applies across instances', async () => {
    const { email } = await service.user();
    const beside = await startService(kind, { beside: service, signIn: false });
    const address = createAddress();
    expect(await guess(3, email, address)).toEqual([401, 401, 401]);
    const elsewhere: number[] = [];
    for (let round = 0; round < 4; round++) elsewhere.push(...(await guess(1, email, address, beside.anonymous)));
    expect(elsewhere).toEqual([401, 401, 401, 429]);
    expect(await guess(1, email, address)).toEqual([429]);
    await beside.close();
  });

  it('does not reveal which accounts exist', async () => {
    const address = createAddress();
    const unknown = `unknown-${unique()}@example.com`;
    expect(await guess(7, unknown, address)).toEqual([401, 401, 401, 401, 401, 401, 429]);
    expect(await guess(1, ` ${unknown.toUpperCase()} `, address)).toEqual([429]);
  });

  it('ignores forged addresses in X-Forwarded-For', async () => {
    const direct = await startService(kind, { beside: service, env: { TRUSTED_PROXIES: '' }, signIn: false });
    const [behind, open] = [await service.user(), await service.user()];
    const real = createAddress();
    await Promise.all([
      (async () => {
        // A proxy appends the address that it sees; the client can forge everything before it.
        for (let round = 0; round < 6; round++) await guess(1, behind.email, `${createAddress()}, ${real}`);
        expect(await guess(1, behind.email, `${createAddress()}, ${real}`)).toEqual([429]);
        expect(await guess(1, behind.email, `127.0.0.1, ${real}`)).toEqual([429]);
      })(),
      (async () => {
        for (let round = 0; round < 6; round++) await guess(1, open.email, createAddress(), direct.anonymous);
        expect(await guess(1, open.email, createAddress(), direct.anonymous)).toEqual([429]);
      })(),
    ]);
    await direct.close();
  });

  it('limits guesses of the current password in a stolen session', async () => {
    const user = await service.user();
    const change = (currentPassword: string) =>
      user.put(
        '/me/password',
        { currentPassword, newPassword: 'another staple' },
        { headers: { 'x-forwarded-for': '192.0.2.99' } },
      );
    const statuses: number[] = [];
    for (let round = 0; round < 7; round++) statuses.push((await change('wrong')).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 400, 429]);
    expect((await change(user.password)).status).toBe(429);
    service.clock.forward(2_001);
    expect((await change(user.password)).status).toBe(204);
  });

  it('counts no sign-in against the password change of the user whose id it spells', async () => {
    const user = await service.user();
    const address = createAddress();
    for (const name of [`user ${user.id}`, `${user.id}`, `user\n${user.id}`, `["user","${user.id}"]`])
      await guess(16, name, address);
    const passwords = { currentPassword: user.password, newPassword: 'another staple' };
    const headers = { 'x-forwarded-for': address };
    expect((await user.put('/me/password', passwords, { headers })).status).toBe(204);
  });

  it('stores neither e-mails nor addresses', async () => {
    await guess(1, ADMIN.email, '192.0.2.50');
    const rows = JSON.stringify(await service.dataSource.query('SELECT * FROM rate_limits'));
    expect(rows).toMatch(/account:|pair:/);
    expect(rows).not.toMatch(/example\.com|192\.0\.2|2001:db8/);
  });
});
