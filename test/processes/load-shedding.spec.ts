import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { LoadShedding } from '../../src/http/load-shedding.js';
import { PasswordHasher } from '../../src/users/password-hasher.js';
import { DISCOVERY, GoogleStandIn } from '../stand-ins/google.js';
import { type Answer, someAddress } from '../support/client.js';
import { expectProblem } from '../support/refusals.js';
import { startService, type TestService } from '../support/service.js';

// A busy machine only adds to the time: one of three attempts has to be within the bound.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

describe('load shedding', () => {
  let service: TestService;
  let google: GoogleStandIn;
  beforeAll(async () => {
    google = await GoogleStandIn.start();
    google.faults[DISCOVERY] = 'hangs';
    service = await startService('SQLite', { env: google.env });
  });
  afterAll(() => Promise.all([service.close(), google.close()]));

  /** Blocks the embedded database with a transaction, so that all requests wait. */
  async function whileBlocked<T>(work: () => Promise<T>): Promise<T> {
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      return await work();
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  }

  const send = (count: number): Array<Promise<Answer>> =>
    Array.from({ length: count }, () => service.admin.get('/customers'));

  it('admits a short burst', async () => {
    let burst: Array<Promise<Answer>> = [];
    await whileBlocked(async () => {
      burst = send(300);
      await sleep(300);
    });
    for (const { status } of await Promise.all(burst)) expect(status).toBe(200);
  });

  interface Injected {
    statusCode: number;
    json: () => { code: string };
  }

  /** Requests without a connection, so that hundreds arrive at the same time even on a busy machine. */
  const inject = (count: number, request: () => object): Promise<Injected[]> => {
    const fastify = service.app.getHttpAdapter().getInstance();
    return Promise.all(Array.from({ length: count }, () => fastify.inject(request()) as Promise<Injected>));
  };

  /** Requests of others for longer than a burst may last. */
  async function expectNothingShed(): Promise<void> {
    for (let round = 0; round < 7; round++) {
      for (const { status } of await Promise.all(Array.from({ length: 8 }, () => service.admin.get('/me'))))
        expect(status).toBe(200);
      await sleep(200);
    }
    expect(service.app.get(LoadShedding).isShedding).toBe(false);
  }

  it('sheds nothing while sign-ins wait for a provider that hangs, and refuses more than 40 of them', async () => {
    const headers = (): object => ({ 'x-forwarded-for': someAddress() });
    const waiting = inject(300, () => ({ url: '/login/google', headers: headers() }));
    await expectNothingShed();
    const codes = (await waiting).map((response) => response.json().code);
    expect(codes.filter((code) => code === 'provider_unavailable')).toHaveLength(40);
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(260);
  });

  it('sheds nothing while 500 sign-ins wait for their delay, and refuses further ones', async () => {
    let end = (): void => undefined;
    const delay = new Promise<void>((resolve) => (end = resolve));
    Object.assign(service.clock, { wait: () => delay });
    const limiter = service.app.get(PasswordHasher)['limiter'];
    const waiting: Array<Promise<Injected[]>> = [];
    let count = 0;
    for (let batch = 0; batch < 10; batch++) {
      const payload = (): object => ({ email: `nobody-${count++}@example.com`, password: 'wrong' });
      const headers = (): object => ({ 'x-forwarded-for': someAddress() });
      waiting.push(inject(50, () => ({ method: 'POST', url: '/login', payload: payload(), headers: headers() })));
      // the queue of the password hashes has a limit of its own
      do await sleep(100);
      while (limiter.active > 0);
    }
    await expectNothingShed();
    const further = await service.anonymous.post('/login', { email: 'further@example.com', password: 'wrong' });
    expectProblem(further, 503, 'overloaded');
    end();
    Reflect.deleteProperty(service.clock, 'wait');
    for (const { statusCode } of (await Promise.all(waiting)).flat()) expect(statusCode).toBe(401);
  }, 240_000);

  it('lets one address hold 10 of the requests to a provider, by network for IPv6', async () => {
    const networks = ['192.0.2.1', '2001:db8:1:2::'];
    const address = (n: number): string => (n % 2 ? `2001:db8:1:2::${n.toString(16)}` : networks[0]!);
    let n = 0;
    const waiting = inject(60, () => ({ url: '/login/google', headers: { 'x-forwarded-for': address(n++) } }));
    const others = inject(15, () => ({ url: '/login/google', headers: { 'x-forwarded-for': someAddress() } }));
    const codes = (await waiting).map((response) => response.json().code);
    for (const kind of [0, 1]) {
      const ofNetwork = codes.filter((_, index) => index % 2 === kind);
      expect(ofNetwork.filter((code) => code === 'provider_unavailable')).toHaveLength(10);
      expect(ofNetwork.filter((code) => code === 'overloaded')).toHaveLength(20);
    }
    for (const response of await others) expect(response.json().code).toBe('provider_unavailable');
    // the places are given back
    const again = await inject(1, () => ({ url: '/login/google', headers: { 'x-forwarded-for': networks[0] } }));
    expect(again[0]!.json().code).toBe('provider_unavailable');
  });

  it('lets one address hold 250 of the sign-ins that wait for their delay', async () => {
    let end = (): void => undefined;
    const delay = new Promise<void>((resolve) => (end = resolve));
    Object.assign(service.clock, { wait: () => delay });
    let n = 0;
    const payload = (): object => ({ email: `nobody-${n++}@example.org`, password: 'wrong' });
    const request = (address: string) => () => ({
      method: 'POST',
      url: '/login',
      payload: payload(),
      headers: { 'x-forwarded-for': address },
    });
    const waiting = inject(270, request('192.0.2.2'));
    const other = inject(1, request('192.0.2.3'));
    // refused at once, while the others wait
    const refused = await Promise.race([Promise.all([waiting]).then(() => []), inject(1, request('192.0.2.2'))]);
    expect(refused.map((response) => response.json().code)).toEqual(['overloaded']);
    end();
    Reflect.deleteProperty(service.clock, 'wait');
    const codes = (await waiting).map((response) => response.json().code);
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(20);
    expect((await other)[0]!.statusCode).toBe(401);
  });

  it('sheds new requests when the overload lasts, and serves the admitted ones', async () => {
    let waiting: Array<Promise<Answer>> = [];
    const probes: Array<Promise<Answer>> = [];
    const refused = await whileBlocked(async () => {
      waiting = send(250);
      while (!service.app.get(LoadShedding).isShedding) {
        probes.push(...send(1));
        await sleep(100);
      }
      // shed requests get a response although the database is blocked
      const answers = await Promise.all(send(20));
      expect((await service.anonymous.get('/livez')).status).toBe(200);
      // not shed: it queries the database, which is blocked
      expectProblem(await service.anonymous.get('/readyz'), 503, 'database_unavailable');
      return answers;
    });
    for (const answer of refused) {
      expectProblem(answer, 503, 'overloaded');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    }
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
    for (const { status } of await Promise.all(probes)) expect([200, 503]).toContain(status);
    // shedding has ended
    for (const { status } of await Promise.all(send(50))) expect(status).toBe(200);
  });
});
