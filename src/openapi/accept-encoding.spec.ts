import { preferredEncoding } from './accept-encoding.js';

describe('preferredEncoding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['deflate, zstd', 'identity'],
    ['*', 'br'],
    ['*;q=0', 'identity'],
    ['br;q=0, *', 'gzip'],
    ['gzip;q=1.0, *;q=0.1', 'gzip'],
    ['gzip, br;q=0', 'gzip'],
    ['gzip , br ; q=0.000', 'gzip'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['br;q=0.8, gzip;q=0.5', 'br'],
    ['br;q=0.001', 'br'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0, gzip', 'gzip'],
    ['identity', 'identity'],
    // no weight of RFC 9110: the item does not count
    ['br;q=2, gzip', 'gzip'],
    ['br;q=-1, gzip', 'gzip'],
    ['br;q=high, gzip', 'gzip'],
    ['br;level=1, gzip', 'gzip'],
    ['brgzip', 'identity'],
    [',,;q=1,', 'identity'],
  ])('of %s is %s', (header, expected) => {
    expect(preferredEncoding(header, ['br', 'gzip'])).toBe(expected);
  });
});
