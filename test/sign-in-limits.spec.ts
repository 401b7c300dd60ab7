import type { Client } from './support/client.js';
import { onEveryDatabase } from './support/databases.js';
import { ADMIN, startService, type TestService, unique } from './support/service.js';

const MINUTE_MS = 60_000;
/** So many times as fast as in real life does time pass for those who are made to wait. */
const PACE = 5;

let lastAddress = 0;
/** Of a network for documentation (RFC 3849, RFC 5737); each a network of its own. */
const newAddress = (): string => `2001:db8:0:${(++lastAddress).toString(16)}::1`;

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

  /** So many wrong passwords: the first few at once, as they are free, the others one after the other. */
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

  it('forgives five wrong passwords, and then makes whoever is there wait, also with the right one', async () => {
    const { email, password } = await service.user();
    const address = newAddress();
    expect(await guess(7, email, address)).toEqual([401, 401, 401, 401, 401, 401, 429]);
    expect((await attempt(email, password, address)).status).toBe(429);
    expect((await attempt(email, password, newAddress())).status).toBe(200);
    service.clock.forward(2_001);
    expect((await attempt(email, password, address)).status).toBe(200);
    // what was right is a new beginning
    expect(await guess(5, email, address)).toEqual([401, 401, 401, 401, 401]);
  });

  it('lets one attempt through after 2, 4, 8, … seconds, up to a minute', async () => {
    const { email } = await service.user();
    const address = newAddress();
    await guess(6, email, address);
    const pauses: number[] = [];
    for (let time = 0; time < 6; time++) {
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

  it('slows down 100 addresses that guess one password, and lets its owner in, wherever they are', async () => {
    const { email, password } = await service.user();
    const home = newAddress();
    expect((await attempt(email, password, home)).status).toBe(200);
    const answers: number[] = [];
    const checked = () => answers.filter((status) => status === 401).length;
    const attack = Array.from({ length: 100 }, async () => {
      answers.push((await attempt(email, 'wrong', newAddress())).status);
    });
    expect((await attempt(email, password, home)).status).toBe(200);
    const checkedBefore = checked();
    await Promise.all(attack);
    for (const status of answers) expect([401, 429, 503]).toContain(status);
    expect(checked()).toBeLessThan(30);
    // in their queue the owner would have been the last
    expect(checked() - checkedBefore).toBeGreaterThanOrEqual(3);
    const abroad = await attempt(email, password, newAddress());
    expect(abroad.status).toBe(200);
    // the next guess waits, from wherever it comes
    const next = performance.now();
    expect((await attempt(email, 'wrong', newAddress())).status).toBe(401);
    expect(performance.now() - next).toBeGreaterThan(1_900 / PACE);
  });

  it('counts many at once from one address like many in turn', async () => {
    const { email } = await service.user();
    const address = newAddress();
    const answers = await Promise.all(Array.from({ length: 40 }, () => attempt(email, 'wrong', address)));
    const checked = answers.filter(({ status }) => status === 401);
    expect(checked.length).toBeGreaterThanOrEqual(5);
    expect(checked.length).toBeLessThanOrEqual(8);
    expect(answers.every(({ status }) => status === 401 || status === 429)).toBe(true);
  });

  it('stops an address that tries one password on everybody, but nobody who has signed in there before', async () => {
    const { email, password } = await service.user();
    const address = newAddress();
    expect((await attempt(email, password, address)).status).toBe(200);
    const spray = await Promise.all(
      Array.from({ length: 50 }, () => attempt(`nobody-${unique()}@example.com`, 'Winter2026!', address)),
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

  it('takes a network of IPv6 for one address, and IPv4 in IPv6 for itself', async () => {
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

  it('holds on every instance', async () => {
    const { email } = await service.user();
    const beside = await startService(kind, { beside: service, signIn: false });
    const address = newAddress();
    expect(await guess(3, email, address)).toEqual([401, 401, 401]);
    const there: number[] = [];
    for (let time = 0; time < 4; time++) there.push(...(await guess(1, email, address, beside.anonymous)));
    expect(there).toEqual([401, 401, 401, 429]);
    expect(await guess(1, email, address)).toEqual([429]);
    await beside.close();
  });

  it('does not tell by its limits who has an account', async () => {
    const address = newAddress();
    const nobody = `nobody-${unique()}@example.com`;
    expect(await guess(7, nobody, address)).toEqual([401, 401, 401, 401, 401, 401, 429]);
    expect(await guess(1, ` ${nobody.toUpperCase()} `, address)).toEqual([429]);
  });

  it('is not deceived about where a request comes from', async () => {
    const direct = await startService(kind, { beside: service, env: { TRUSTED_PROXIES: '' }, signIn: false });
    const [behind, open] = [await service.user(), await service.user()];
    const real = newAddress();
    await Promise.all([
      (async () => {
        // a proxy appends what it has seen: what stands before that is anybody's claim
        for (let time = 0; time < 6; time++) await guess(1, behind.email, `${newAddress()}, ${real}`);
        expect(await guess(1, behind.email, `${newAddress()}, ${real}`)).toEqual([429]);
        expect(await guess(1, behind.email, `127.0.0.1, ${real}`)).toEqual([429]);
      })(),
      (async () => {
        for (let time = 0; time < 6; time++) await guess(1, open.email, newAddress(), direct.anonymous);
        expect(await guess(1, open.email, newAddress(), direct.anonymous)).toEqual([429]);
      })(),
    ]);
    await direct.close();
  });

  it('guards the present password as well, of whoever has got hold of a session', async () => {
    const user = await service.user();
    const change = (currentPassword: string) =>
      user.put(
        '/me/password',
        { currentPassword, newPassword: 'another staple' },
        { headers: { 'x-forwarded-for': '192.0.2.99' } },
      );
    const statuses: number[] = [];
    for (let time = 0; time < 7; time++) statuses.push((await change('wrong')).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 400, 429]);
    expect((await change(user.password)).status).toBe(429);
    service.clock.forward(2_001);
    expect((await change(user.password)).status).toBe(204);
  });

  it('keeps neither e-mails nor addresses', async () => {
    await guess(1, ADMIN.email, '192.0.2.50');
    const rows = JSON.stringify(await service.dataSource.query('SELECT * FROM rate_limits'));
    expect(rows).toMatch(/account:|pair:/);
    expect(rows).not.toMatch(/example\.com|192\.0\.2|2001:db8/);
  });
});
