import { readEnv } from '../config/env.js';
import { Secrets } from '../config/secrets.js';
import { Cursors } from './cursors.js';

const cursors = new Cursors(new Secrets(readEnv({ JWT_SECRET: '0123456789abcdef0123456789abcdef' })));

describe('a cursor', () => {
  it('returns its position in its scope only', () => {
    const cursor = cursors.seal(25, 'history of customer 1');
    expect(cursors.open(cursor, 'history of customer 1')).toBe(25);
    expect(() => cursors.open(cursor, 'history of customer 2')).toThrow();
  });

  it('is refused with a digit moved from the position to the scope', () => {
    const bytes = Buffer.from(cursors.seal(25, 'history of customer 1'), 'base64url');
    const forged = Buffer.concat([bytes.subarray(0, 12), Buffer.from('5')]).toString('base64url');
    expect(() => cursors.open(forged, 'history of customer 12')).toThrow();
  });
});
