import { once } from 'node:events';
import type { Socket } from 'node:net';
import { startService, type TestService } from '../support/service.js';
import { open, portOf } from '../support/sockets.js';

const KIB = 1024;

describe('a connection whose body is refused', () => {
  let service: TestService;
  const accepted: Socket[] = [];
  beforeAll(async () => {
    service = await startService('SQLite');
    service.app.getHttpServer().on('connection', (socket) => accepted.push(socket));
  }, 120_000);
  afterAll(() => service.close());

  it.each([
    ['an upload without a token', 'PUT /customers/1/photo', 'image/png', 401],
    ['JSON of 2 GB', 'POST /login', 'application/json', 413],
    ['another media type', 'POST /login', 'text/plain', 415],
    ['an unknown path', 'POST /none', 'application/json', 413],
  ])(
    'is hardly read any further, and ends: %s',
    async (_, target, type, status) => {
      const client = await open(portOf(service.anonymous), '');
      client.on('error', () => undefined);
      client.write(`${target} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 2000000000\r\n\r\n`);
      const [answer] = (await once(client, 'data')) as [Buffer];
      expect(String(answer)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      const socket = accepted.at(-1)!;
      const before = socket.bytesRead;
      const send = (): void => void client.write(Buffer.alloc(8 * KIB), (error) => !error && setImmediate(send));
      send();
      if (!socket.destroyed) await once(socket, 'close');
      // the last chunk that Node reads has up to 64 KiB itself
      expect(socket.bytesRead - before).toBeLessThanOrEqual(128 * KIB);
      client.destroy();
    },
    45_000,
  );
});
