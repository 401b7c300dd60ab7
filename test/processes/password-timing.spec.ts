import { Metrics } from '../../src/metrics/metrics.js';
import { PasswordHasher } from '../../src/users/password-hasher.js';

const PASSWORD = 'correct horse';

describe('verifying a password', () => {
  const passwords = new PasswordHasher(new Metrics());

  it('takes the time of a check even without a stored hash', async () => {
    const checked = await measure(async () => passwords.verify(PASSWORD, await passwords.hash(PASSWORD)));
    const unchecked = await measure(async () => expect(await passwords.verify(PASSWORD, null)).toBe(false));
    // Hashing and verifying are two passes of the same work.
    expect(unchecked).toBeGreaterThan(checked / 8);
  });
});

async function measure(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
