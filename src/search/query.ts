import { fold } from './fold.js';
import { emailWord, wordsOf } from './words.js';

export const MAX_QUERY_LENGTH = 120;
export const MAX_WORDS = 8;

/**
 * What a search looks for: at least one of these lists, of which every member is the start of a word. Empty: nothing.
 */
export type SearchQuery = string[][];

const PHONE = /^[\d +\-()./]+$/;

/** Undefined for more words than a search may have. */
export function parseQuery(q: string): SearchQuery | undefined {
  const folded = fold(q).trim();
  if (folded.includes('@') && !/\s/u.test(folded)) return [[emailWord(folded)]];
  if (PHONE.test(folded)) return phoneQuery(folded);
  const words = [...new Set(wordsOf(q))];
  if (words.length > MAX_WORDS) return undefined;
  return words.length === 0 ? [] : [words];
}

/** Its digits as one number, and as words. */
function phoneQuery(text: string): SearchQuery {
  const digits = text.replace(/\D/g, '');
  const isInternational = /^\s*\(?\s*(\+|00)/.test(text);
  const words = [...new Set(text.match(/\d+/g))];
  const forms = [
    [digits],
    // dialled from abroad
    ...(digits.startsWith('00') ? [[digits.slice(2)]] : []),
    // +49 (0)171 123: the trunk prefix is not dialled from abroad
    ...(isInternational ? [[text.replace(/\(0\)/, '').replace(/\D/g, '').replace(/^00/, '')]] : []),
    ...(words.length <= MAX_WORDS ? [words] : []),
  ].filter((form) => form.length > 0 && form.every((word) => word !== ''));
  return [...new Map(forms.map((form) => [form.join(' '), form])).values()];
}
