import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { onEveryDatabase } from '../support/databases.js';
import { ListFixture, newRow } from '../support/list-fixture.js';
import { until } from '../support/program.js';
import { newCustomer, startService, type TestService } from '../support/service.js';
import { open, portOf } from '../support/sockets.js';

onEveryDatabase((kind) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(kind, { env: { DATABASE_POOL: '2' } });
    const lists = new ListFixture(service);
    await lists.insertCustomers(Array.from({ length: 1_200 }, () => newRow(1)));
    // more than the buffers of a connection hold
    await service.dataSource.query('UPDATE customers SET notes = ?', ['ñ'.repeat(10_000)]);
  });
  afterAll(() => service.close());

  const request = (): string =>
    [
      'GET /customers/export?format=ndjson HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${service.admin.accessToken}`,
    ].join('\r\n') + '\r\n\r\n';

  it('exports that are not read hold up nobody, and end with their connections', async () => {
    const sockets = await Promise.all([1, 2].map(() => open(portOf(service.admin), request())));
    for (const socket of sockets) {
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
      socket.pause();
    }
    expect((await service.admin.get('/customers/export?q=nobody')).status).toBe(429);
    await sleep(500);
    // more requests than connections to the database
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => service.admin.post('/customers', newCustomer())),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
    for (const socket of sockets) socket.destroy();
    await until(async () => (await service.admin.get('/customers/export?q=nobody')).status === 200);
  });
});
