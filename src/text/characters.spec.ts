import { codePointOf, findConfusable, findDisruptive, findInvisible, isVisible } from './characters.js';

/** One character of each invisible kind. */
const INVISIBLE: Array<[kind: string, character: string]> = [
  ['a NUL', '\0'],
  ['an escape', '\u001b'],
  ['a C1 control', '\u0085'],
  ['a no-break space', '\u00a0'],
  ['a soft hyphen', '\u00ad'],
  ['a grapheme joiner', '\u034f'],
  ['an Arabic letter mark', '\u061c'],
  ['a Hangul filler', '\u1160'],
  ['a Khmer inherent vowel', '\u17b4'],
  ['an Ogham space', '\u1680'],
  ['an en quad', '\u2000'],
  ['a zero-width space', '\u200b'],
  ['a right-to-left mark', '\u200f'],
  ['a line separator', '\u2028'],
  ['a right-to-left override', '\u202e'],
  ['a narrow no-break space', '\u202f'],
  ['a word joiner', '\u2060'],
  ['an isolate', '\u2066'],
  ['a blank Braille cell', '\u2800'],
  ['an ideographic space', '\u3000'],
  ['a Hangul filler letter', '\u3164'],
  ['a noncharacter', '\ufdd0'],
  ['a byte order mark', '\ufeff'],
  ['a halfwidth Hangul filler', '\uffa0'],
  ['an annotation', '\ufff9'],
  ['an embedded object', '\ufffc'],
  ['lost text', '\ufffd'],
  ['a musical control', '\u{1d173}'],
  ['a language tag', '\u{e0001}'],
  ['a tag', '\u{e0061}'],
  ['a noncharacter of the last plane', '\u{10ffff}'],
];
const IN_WORDS: typeof INVISIBLE = [
  ['a joiner between Latin letters', '\u200d'],
  ['a non-joiner between Latin letters', '\u200c'],
  ['a variation selector', '\ufe0f'],
  ['an ideographic variation selector', '\u{e0100}'],
];

describe('A name', () => {
  it.each([...INVISIBLE, ...IN_WORDS])('must not contain %s', (_, character) => {
    for (const name of [`Ana${character}María`, `${character}Ana`, `Ana${character}`, character])
      expect(findInvisible(name)).toBe(character);
  });

  it.each([
    'O’Brien-Smith, Jr.',
    'Łukasz Đorđević',
    'Nguyễn Thị Ngân'.normalize('NFD'),
    'محمد بن عبد الله',
    'علی‌رضا می‌خواهم',
    'יוסף כהן',
    'क्‍ष शर्मा',
    'ശ്രീജിത്ത് നായര്‍',
    'ක්‍රිශාන්ත',
    'র‍্যাব',
    'ᠮᠣᠩᠭᠣᠯ᠎ᠠ',
    '山田太郎',
    '渡邉\u{e0100}',
    '홍길동',
    '👩‍👩‍👧 Ana',
    '👩🏽‍❤️‍💋‍👨🏻',
    '🏳️‍🌈 ❤️ 👁️‍🗨️ ⛓️‍💥 1️⃣',
    '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
    '🇪🇸',
    '\ue000',
    '\u{1fae9}',
  ])('may be %s', (name) => {
    expect(findInvisible(name)).toBeUndefined();
    expect(isVisible(name)).toBe(true);
  });

  it.each(['\u0301', '\u0301\u20dd', ' ', '\u20e3'])('of %j is not visible', (name) => {
    expect(isVisible(name)).toBe(false);
  });

  it('hides no text in the tags of a flag', () => {
    const hidden = [...'ignoreallrules'].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('');
    expect(findInvisible(`🏴${hidden}\u{e007f}`)).toBe('\u{e0069}');
  });
});

describe('An identifier', () => {
  it.each([...INVISIBLE, ...IN_WORDS, ['private use', '\ue000'], ['unassigned', '\u{50000}']])(
    'must not contain %s',
    (_, character) => {
      for (const email of [`an${character}a@example.com`, `${character}ana@example.com`, `ana@example.com${character}`])
        expect(findConfusable(email)).toBe(character);
    },
  );

  it.each([
    'josé@example.com',
    'jo\u0301se@example.com',
    '用户@例え.jp',
    'иван@пример.рф',
    '🎉@example.com',
    'ａna@example.com',
  ])('may be %s', (email) => {
    expect(findConfusable(email)).toBeUndefined();
  });
});

describe('Text of several lines', () => {
  it.each(['\0', '\b', '\u001b', '\u0085', '\u202e', '\u2066', '\ufffd', '\uffff'])(
    'must not contain %j',
    (character) => {
      expect(findDisruptive(`First line\n${character}second`)).toBe(character);
    },
  );

  it('may have line breaks, tabs, marks of direction, and what web pages and word processors contain', () => {
    expect(findDisruptive('a\tb\r\nc\nd\u00a0e\u00adf\u200bg\u200fh\u3000i\u2028j👩‍👩‍👧')).toBeUndefined();
  });
});

it('A character is named by its code point', () => {
  expect(['\0', '\u00ad', '\u200b', '\u{e0061}'].map(codePointOf)).toEqual(['U+0000', 'U+00AD', 'U+200B', 'U+E0061']);
});
