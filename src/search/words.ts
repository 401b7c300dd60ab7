import { fold } from './fold.js';

const ASCII = /^[\0-\x7f]*$/;
const ASCII_WORDS = /[a-z\d]+/g;
// planes 2 and 3 are reserved for Han: releases of Node differ in how many of these letters they know
const WORDS = /[\p{L}\p{N}\p{M}\u{20000}-\u{3ffff}]+/gu;
const HAN_KANA_HANGUL = '\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\u{20000}-\\u{3ffff}';
/** Scripts without blanks between words: a run of their characters is one word, which ends where a Latin one begins. */
const RUNS = new RegExp(`[${HAN_KANA_HANGUL}]+|[^${HAN_KANA_HANGUL}]+`, 'gu');

/** The folded words of a text: it is cut at everything that is no letter, digit or combining mark. */
export function wordsOf(text: string): string[] {
  if (ASCII.test(text)) return text.toLowerCase().match(ASCII_WORDS) ?? [];
  const words = text.match(WORDS) ?? [];
  // folding may produce separators: ½ becomes 1⁄2
  return words.flatMap((word) => fold(word).match(WORDS) ?? []).flatMap((word) => word.match(RUNS) ?? []);
}

/** An e-mail as one word. Words contain no blanks. */
export const emailWord = (email: string): string =>
  fold(email)
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .replace(/\s.*$/su, '');
