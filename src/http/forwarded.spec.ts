import { parseAddress, trustProxies } from './forwarded.js';

describe('an entry of X-Forwarded-For', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7:5678 ', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['"[2001:db8::7]:443"', '2001:db8::7'],
    ['"203.0.113.7"', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]:80', 'fe80::1'],
  ])('%s is the address %s', (text, address) => {
    expect(parseAddress(text)).toBe(address);
  });

  it.each([
    'unknown',
    '_hidden',
    '',
    '"',
    '-',
    'for=203.0.113.7',
    'for="[2001:db8::7]:443"',
    '203.0.113.7;proto=https',
    '203.0.113.7:port',
    '203.0.113.7:',
    '203.0.113.7:123456',
    '203.0.113',
    '0203.0.113.7',
    '203.0.113.256',
    '[203.0.113.7',
    'crm.example.com',
    '2001:db8::7]:443',
    'x'.repeat(300),
  ])('%s is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('trusted proxies', () => {
  it.each([
    [['10.0.0.1'], ['10.0.0.1', '10.0.0.1:80', '::ffff:10.0.0.1'], ['10.0.0.2', '::10.0.0.1']],
    [['10.0.0.0/8'], ['10.1.2.3', '"10.1.2.3:80"'], ['11.0.0.1', '::1', 'unknown']],
    [['2001:db8::/32'], ['2001:db8::7', '[2001:db8::7]:80'], ['2001:db9::7', '10.0.0.1']],
    [['loopback'], ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'], ['128.0.0.1', '::2']],
    [['linklocal'], ['169.254.1.1', 'fe80::1', 'fe80::1%eth0'], ['169.255.0.1', 'fec0::1']],
    [['uniquelocal'], ['10.0.0.1', '172.31.0.1', '192.168.0.1', 'fd00::1'], ['172.32.0.1', 'fe00::1', '9.0.0.1']],
    [['0.0.0.0/0'], ['203.0.113.7'], ['2001:db8::7']],
    [['::/0'], ['2001:db8::7'], []],
    [[], [], ['127.0.0.1', '::1', '', 'unknown']],
  ])('%j', (proxies, trusted, others) => {
    const isTrusted = trustProxies(proxies);
    expect(trusted.filter((address) => !isTrusted(address))).toEqual([]);
    expect(others.filter((address) => isTrusted(address))).toEqual([]);
    expect(isTrusted(undefined)).toBe(false);
  });
});
