import { once } from 'node:events';
import { anotherJpeg } from '../support/images.js';
import { until } from '../support/program.js';
import { newCustomer, startService, type TestService } from '../support/service.js';
import { open, portOf } from '../support/sockets.js';

describe('uploads that fall silent', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());

  it('hold no place of other users, and end', async () => {
    const [silent, other] = [await service.user(), await service.user()];
    const { id } = (await other.post('/customers', newCustomer())).body as { id: number };
    const head =
      `PUT /customers/${id}/photo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${silent.accessToken}\r\n` +
      'Content-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nabcd';
    const photo = await anotherJpeg();
    const upload = async (accessToken: string | undefined): Promise<number> => {
      const response = await fetch(`${other.url}/customers/${id}/photo`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'image/jpeg' },
        body: photo as Uint8Array<ArrayBuffer>,
      });
      return response.status;
    };
    let arrived = 0;
    const server = service.app.getHttpServer();
    server.on('request', () => arrived++);
    const start = performance.now();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(portOf(other), head)));
    let ended = 0;
    const answers = Promise.all(
      sockets.map(async (socket) => String((await once(socket, 'data').finally(() => ended++))[0])),
    );
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    // they hold their slots, as later requests get past the guards
    await until(() => arrived >= sockets.length);
    for (let n = 0; n < 3; n++) await other.get('/me');
    expect(await upload(other.accessToken)).toBe(200);
    expect(ended).toBe(0);
    for (const answer of await answers) expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_timeout"/);
    await closed;
    expect(performance.now() - start).toBeLessThan(45_000);
    expect(await upload(silent.accessToken)).toBe(200);
  }, 90_000);
});
