import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { jpeg } from '../support/images.js';
import { newCustomer, startService, type TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  /** Sends half of the photo, waits for `meanwhile`, and sends the rest. */
  async function uploadSlowly(user: Client, id: number, meanwhile: () => Promise<unknown>): Promise<number> {
    const photo = await jpeg();
    async function* chunks(): AsyncGenerator<Buffer> {
      yield photo.subarray(0, 100);
      // the guards run as soon as the headers have arrived
      await sleep(300);
      await meanwhile();
      yield photo.subarray(100);
    }
    const { status } = await fetch(`${user.url}/customers/${id}/photo`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${user.accessToken}`, 'content-type': 'image/jpeg' },
      body: chunks(),
      duplex: 'half',
    });
    return status;
  }

  describe('access to an upload', () => {
    it('is checked again when its body has arrived', async () => {
      const { body: customer } = await service.admin.post('/customers', newCustomer());
      const user = await service.user();
      for (const [status, meanwhile] of [
        [401, () => service.admin.delete(`/users/${user.id}/sessions`)],
        [401, () => service.admin.delete(`/users/${user.id}`)],
      ] as const) {
        const again = await service.anonymous.signIn(user.email, user.password);
        expect(await uploadSlowly(again, customer.id, meanwhile)).toBe(status);
      }
      expect((await service.admin.get(`/customers/${customer.id}`)).body).toEqual(customer);
    });

    it('lasts when the access token expires meanwhile', async () => {
      const { body: customer } = await service.admin.post('/customers', newCustomer());
      const user = await service.user();
      const expire = (): Promise<void> => Promise.resolve(service.clock.forward(11 * 60_000));
      expect(await uploadSlowly(user, customer.id, expire)).toBe(200);
      service.clock.reset();
    });
  });
});
