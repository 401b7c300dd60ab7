import { preparePassword } from './password.js';

describe('The prepared form of a password', () => {
  it.each([
    ['decomposed letters', 'contrasen\u0303a de Jose\u0301', 'contraseña de José'],
    ['fullwidth letters', 'ｃｏｒｒｅｃｔ　ｈｏｒｓｅ', 'correct horse'],
    ['halfwidth kana', 'ﾊﾟｽﾜｰﾄﾞ', 'パスワード'],
    ['conjoining jamo', '\u1112\u1161\u11ab\u1100\u1173\u11af', '한글'],
    ['exotic spaces', 'a\u00a0b\u1680c\u2003d\u202fe\u205ff\u3000g', 'a b c d e f g'],
    ['the Kelvin sign', '\u212a', 'K'],
  ])('of %s', (_, typed, prepared) => {
    expect(preparePassword(typed)).toBe(prepared);
    expect(preparePassword(prepared)).toBe(prepared);
  });

  it.each([' Correct  Horse ', 'PASS pass', 'straße', '🔑👩‍👩‍👧', 'tab\tand\nline', 'Σς'])('keeps %j', (password) => {
    expect(preparePassword(password)).toBe(password);
  });
});
