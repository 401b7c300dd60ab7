import { phoneWords } from './phone.js';
import { emailWord, wordsOf } from './words.js';

/** The members of a row that a search looks at. */
export interface SearchFields {
  email: string | null;
  name: string;
  surname: string;
  company?: string | null;
  phone?: string | null;
}

/** All words of a row, each with a blank in front: ` ana` is in it if a word starts with `ana`. */
export function searchText({ email, name, surname, company, phone }: SearchFields): string {
  const words = new Set([...wordsOf(name), ...wordsOf(surname)]);
  if (email) for (const word of [...wordsOf(email), emailWord(email)]) words.add(word);
  if (company) for (const word of wordsOf(company)) words.add(word);
  if (phone) for (const word of phoneWords(phone)) words.add(word);
  words.delete('');
  return [...words].map((word) => ` ${word}`).join('');
}

/** Of a word in the index. The rest of longer ones is compared in the row's text. */
export const WORD_LENGTH = 32;

/** The words of a text as the index holds them. */
export const indexedWords = (text: string | null): Set<string> =>
  new Set(text ? text.slice(1).split(' ').map(indexedWord) : []);

export const indexedWord = (word: string): string =>
  // UTF-16 code units: at least as many as code points
  word.length <= WORD_LENGTH ? word : [...word].slice(0, WORD_LENGTH).join('');
