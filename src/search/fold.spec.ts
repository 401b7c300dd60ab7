import { fold, KEY_LENGTH, keyOf } from './fold.js';

describe('folding', () => {
  it.each([
    ['García', 'garcia'],
    ['MÜLLER', 'muller'],
    ['Straße', 'strasse'],
    ['STRAẞE', 'strasse'],
    ['Łódź', 'lodz'],
    ['Ærøskøbing', 'aeroskobing'],
    ['Cœur', 'coeur'],
    ['Đorđe', 'dorde'],
    ['Þór Guðmundsson', 'thor gudmundsson'],
    ['Ħal Ŋaŧ', 'hal nat'],
    ['İstanbul Iğdır ısı', 'istanbul igdir isi'],
    ['ΟΔΥΣΣΕΥΣ Οδυσσεύς', 'οδυσσευσ οδυσσευσ'],
    ['Ёлкин Й', 'елкин и'],
    ['ＡＢＣ １２３', 'abc 123'],
    ['ﬁn', 'fin'],
    ['Nguyễn', 'nguyen'],
    ['O’Brien', "o'brien"],
    ['مُحَمَّد', 'محمد'],
    ['שָׁלוֹם', 'שלום'],
  ])('makes %s %s', (text, expected) => {
    expect(fold(text)).toBe(expected);
    expect(fold(text.normalize('NFD'))).toBe(expected);
    expect(fold(expected)).toBe(expected);
  });

  it.each([
    ['ガ', 'カ'],
    ['한', '하'],
    ['कि', 'क'],
    ['กี', 'ก'],
  ])('distinguishes %s from %s', (one, other) => {
    expect(fold(one)).not.toBe(fold(other));
  });

  it('makes half-width kana equal to full-width kana', () => {
    expect(fold('ｶﾞｷﾞ')).toBe('ガギ');
  });
});

describe('a key', () => {
  it('has no invisible characters and single blanks', () => {
    expect(keyOf('  Ana\u200b \t María\u00ad ')).toBe('ana maria');
  });

  it('keeps punctuation', () => {
    expect(keyOf('C++')).not.toBe(keyOf('C#'));
  });

  it('fits its column, and differs for texts that differ only at the end', () => {
    const long = '\ufdfa'.repeat(120);
    expect([...keyOf(long)].length).toBeLessThanOrEqual(KEY_LENGTH);
    expect(keyOf(`${long}a`)).not.toBe(keyOf(`${long}b`));
  });
});
