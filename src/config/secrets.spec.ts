import { readEnv } from './env.js';
import { Secrets } from './secrets.js';

const secrets = new Secrets(readEnv({ JWT_SECRET: '0123456789abcdef0123456789abcdef' }));

describe('a signature', () => {
  it('covers where each field ends', () => {
    const signature = secrets.sign('cursor', 'history of customer 1', '25');
    expect(secrets.verifies('cursor', signature, 'history of customer 1', '25')).toBe(true);
    expect(secrets.verifies('cursor', signature, 'history of customer 12', '5')).toBe(false);
    expect(secrets.verifies('cursor', signature, '', 'history of customer 125')).toBe(false);
    expect(secrets.verifies('cursor', secrets.sign('cursor', 'a","b', 'c'), 'a', 'b","c')).toBe(false);
    const key = secrets.sign('rate-limit', 'pair', ['a', 'b']);
    for (const values of [['a,b'], ['ab'], ['a', 'b', ''], ['["a","b"]']])
      expect(secrets.verifies('rate-limit', key, 'pair', values)).toBe(false);
  });

  it('of one purpose is none of another', () => {
    const signature = secrets.sign('refresh-token', 'text');
    expect(secrets.verifies('refresh-token', signature, 'text')).toBe(true);
    expect(secrets.verifies('idempotency-request', signature, 'text')).toBe(false);
  });
});
