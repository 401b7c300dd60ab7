import { EMAIL, emailError, hasOneCase, normalizeEmail } from './email.js';

describe('a normalized e-mail', () => {
  it.each([
    ['  Ana@Example.COM ', 'ana@example.com'],
    ['JOSÉ@ÉXAMPLE.com', 'josé@éxample.com'],
    ['ЖАННА@example.com', 'жанна@example.com'],
    ['ΣΟΦΙΑΣ@example.com', 'σοφιασ@example.com'],
    ['straße@example.com', 'straße@example.com'],
    ['k@example.com', 'k@example.com'],
  ])('of %j is %j', (text, normalized) => {
    expect(normalizeEmail(text)).toBe(normalized);
    expect(hasOneCase(normalized)).toBe(true);
  });

  it.each(['\u212a', '\u0130', '\u1e9e', '\u2126', '\u212b', '\u03f4', '\u01c5'])(
    'keeps %s, which is no other letter, and is refused with it',
    (letter) => {
      const email = `an${letter}@example.com`;
      expect(normalizeEmail(email)).toBe(email);
      expect(hasOneCase(email)).toBe(false);
    },
  );

  it.each(['\u00a0', '\ufeff', '\u3000', '\u2003', '\u200b'])(
    'keeps %j at its ends, which is no blank',
    (character) => {
      const email = `${character}ana@example.com${character}`;
      expect(normalizeEmail(` ${email}\t`)).toBe(email);
    },
  );

  it('takes no time for text that is far too long', () => {
    expect(normalizeEmail('K'.repeat(10_000_000))).toMatch(/^K/);
  });
});

describe('An e-mail address', () => {
  it.each([
    'ana.maria@example.com',
    'foo..bar@docomo.ne.jp',
    'foo.@docomo.ne.jp',
    '.foo.@docomo.ne.jp',
    'ana+crm@example.com',
    "o'brien@example.ie",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    'jörg@exämple.de',
    'jörg@xn--exmple-cua.de',
    '用户@例え.テスト',
    'ελένη@παράδειγμα.ελ',
    'ana@a.b.c.example.photography',
    'ana@xn--vermgensberatung-pwb.com',
    'ana@1and1.de',
    'ana@a--b.example',
    `${'a'.repeat(64)}@example.com`,
    `${'é'.repeat(32)}@example.com`,
  ])('may be %s', (email) => {
    expect(normalizeEmail(email)).toBe(email);
    expect(emailError(email)).toBeUndefined();
    expect(EMAIL.test(email)).toBe(true);
    expect(emailError(normalizeEmail(` ${email.toUpperCase()} `).replace('SS', 'ss'))).toBeUndefined();
  });

  it.each([
    '',
    'ana',
    '@example.com',
    'ana@',
    'ana@localhost',
    'ana@example',
    'ana@example.c',
    'ana@example.123',
    'ana@[127.0.0.1]',
    'ana@127.0.0.1',
    'ana@-example.com',
    'ana@example-.com',
    'ana@exa_mple.com',
    'ana@example..com',
    'ana@.example.com',
    'ana@example.com.',
    'ana@b@example.com',
    'ana maria@example.com',
    '"ana maria"@example.com',
    'Ana <ana@example.com>',
    'ana@example.com, ben@example.com',
    'ana@example.com;ben@example.com',
    'mailto:ana@example.com',
    'ana(comment)@example.com',
    'a\\b@example.com',
    'ana@exa\u0308mple.de',
    'ana@example\u3002com',
    'ana@xn--a.com',
    `${'a'.repeat(65)}@example.com`,
    `${'é'.repeat(33)}@example.com`,
    `ana@${'a'.repeat(64)}.com`,
    `ana@${'ä'.repeat(62)}.com`,
    `ana@${'é'.repeat(50)}.${'é'.repeat(50)}.${'é'.repeat(50)}.com`,
  ])('is not %j', (email) => {
    expect(emailError(email)).toMatch(/^must be an e-mail address/);
  });

  it.each([
    ['an\u200ba@example.com', 'U+200B'],
    ['ana@exam\u00adple.com', 'U+00AD'],
    ['\ufeffana@example.com', 'U+FEFF'],
    ['\u212aate@example.com', 'U+212A'],
    ['ana\0@example.com', 'U+0000'],
  ])('%j is refused with the name of its character', (email, name) => {
    expect(emailError(email)).toBe(`must be an e-mail address, but contains ${name}`);
  });
});
