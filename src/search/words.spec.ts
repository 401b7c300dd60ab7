import { phoneWords } from './phone.js';
import { parseQuery } from './query.js';
import { indexedWords, searchText } from './search-text.js';
import { wordsOf } from './words.js';

describe('words', () => {
  it.each([
    ['O’Brien', ['o', 'brien']],
    ['O\u02bcBrien', ['o', 'brien']],
    ["d'Artagnan-Müller", ['d', 'artagnan', 'muller']],
    ['Studio 54', ['studio', '54']],
    ['Straße', ['strasse']],
    ['山田太郎', ['山田太郎']],
    ['東京タワー２号', ['東京タワー', '2', '号']],
    ['ABC株式会社', ['abc', '株式会社']],
    ['한국전력', ['한국전력']],
    ['हिन्दी भाषा', ['हिन्दी', 'भाषा']],
    ['½', ['1', '2']],
    ['e\u0301a', ['ea']],
    ['😀 — …', []],
    ['', []],
  ])('of %j are %j', (text, expected) => {
    expect(wordsOf(text)).toEqual(expected);
  });

  it('of a row include the parts of its e-mail and the whole', () => {
    const text = searchText({
      email: 'ana.garcía@example.com',
      name: 'Ana',
      surname: 'García',
      company: null,
      phone: null,
    });
    expect(text).toBe(' ana garcia example com ana.garcia@example.com');
    expect(indexedWords(text)).toEqual(new Set(['ana', 'garcia', 'example', 'com', 'ana.garcia@example.com']));
  });

  it('are none without text', () => {
    expect(searchText({ email: null, name: '-', surname: '?' })).toBe('');
    expect(indexedWords('')).toEqual(new Set());
    expect(indexedWords(null)).toEqual(new Set());
  });

  it('are cut in the index, by code points', () => {
    expect([...indexedWords(` ${'𠮷'.repeat(40)}`)]).toEqual(['𠮷'.repeat(32)]);
  });
});

describe('the words of a phone number', () => {
  it.each([
    ['+4917612345', ['4917612345', '17612345', '017612345']],
    ['+34600123456', ['34600123456', '600123456', '600123456']],
    ['+390612345678', ['390612345678', '0612345678', '0612345678']],
    ['+79161234567', ['79161234567', '9161234567', '89161234567']],
    ['+3612345678', ['3612345678', '12345678', '0612345678']],
    ['+35312345678', ['35312345678', '12345678', '012345678']],
    // not assigned
    ['+2101234', ['2101234']],
  ])('%s are %j', (phone, expected) => {
    expect(phoneWords(phone)).toEqual(expected);
  });
});

describe('a query', () => {
  it.each([
    ['o brien', [['o', 'brien']]],
    ['Ana ana', [['ana']]],
    ['--- 😀', []],
    ['Ana@Example.com', [['ana@example.com']]],
    ['＠x', [['@x']]],
    ['ana @x', [['ana', 'x']]],
    ['54', [['54']]],
    ['600 12-34', [['6001234'], ['600', '12', '34']]],
    ['+34 600', [['34600'], ['34', '600']]],
    ['0034600', [['0034600'], ['34600']]],
    ['+49 (0)176 12', [['49017612'], ['4917612'], ['49', '0', '176', '12']]],
    ['１２', [['12']]],
    ['+', []],
    ['1 2 3 4 5 6 7 8 9', [['123456789']]],
  ])('%j is %j', (q, expected) => {
    expect(parseQuery(q)).toEqual(expected);
  });

  it('has at most 8 words', () => {
    expect(parseQuery('a b c d e f g h')).toEqual([['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']]);
    expect(parseQuery('a b c d e f g h i')).toBeUndefined();
  });
});
