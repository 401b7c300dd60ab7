import { createHash } from 'node:crypto';
import { LETTERS } from './letters.js';

const ASCII = /^[\0-\x7f]*$/;
/**
 * Marks that count as accents. Not those that distinguish letters: the voicing marks of kana, the vowel signs of Indic
 * and Thai scripts.
 */
const ACCENTS =
  /(?![\u3099\u309a])(?=[\p{Mn}\p{Me}])[\p{sc=Zinh}\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}]/gu;
const FOLDED_LETTERS = new RegExp(`[${[...LETTERS.keys()].join('').replace('-', '\\-')}]`, 'gu');

/** Of a key in the database. Longer than any name: folding lengthens text only in rare scripts. */
export const KEY_LENGTH = 160;
const DIGEST_LENGTH = 40;

/**
 * Text for comparison without regard to case, accents and width. In our code rather than in a collation, so that the
 * result is the same on every database and can be stored, indexed and sorted as bytes.
 */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return (
    text
      .normalize('NFKD')
      .replace(ACCENTS, '')
      // some letters have no lower case of their own: by way of the upper case, they get that of their pair
      .toUpperCase()
      .toLowerCase()
      .replace(FOLDED_LETTERS, (letter) => LETTERS.get(letter)!)
      .normalize('NFC')
  );
}

/**
 * A name as it is sorted and compared: folded, without invisible characters, with single blanks. Compares as UTF-8
 * bytes, which is the order of code points.
 */
export function keyOf(text: string): string {
  const folded = fold(text)
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim();
  // UTF-16 code units: at least as many as code points
  if (folded.length <= KEY_LENGTH) return folded;
  const digest = createHash('sha1').update(folded).digest('hex');
  return [...folded].slice(0, KEY_LENGTH - DIGEST_LENGTH).join('') + digest;
}
