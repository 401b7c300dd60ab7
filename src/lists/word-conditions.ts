import type { SearchQuery } from '../search/query.js';
import { indexedWord } from '../search/search-text.js';
import type { Condition, IdSource } from './filter.js';

/** Greater than every letter. */
const LAST_CHARACTER = '\u{10ffff}';

/** The conditions of a search: one for each word, so that each has an index of its own. */
export function wordConditions(query: SearchQuery, words: string, deleted: boolean): Condition[] {
  const source = (word: string): IdSource => {
    const start = indexedWord(word);
    return {
      sql: `SELECT id FROM ${words} WHERE is_deleted = ${deleted ? 1 : 0} AND word >= ? AND word < ?`,
      values: [start, start + LAST_CHARACTER],
    };
  };
  const [first, ...others] = query;
  if (!first)
    return [{ sql: '1 = 0', values: [], sources: [[{ sql: `SELECT id FROM ${words} WHERE 1 = 0`, values: [] }]] }];
  if (others.length === 0)
    return first.map((word) => ({ sql: STARTS_A_WORD, values: [` ${word}`], sources: [[source(word)]] }));
  return [
    {
      sql: query.map((form) => form.map(() => STARTS_A_WORD).join(' AND ')).join(' OR '),
      values: query.flatMap((form) => form.map((word) => ` ${word}`)),
      sources: query.map((form) => form.map(source)),
    },
  ];
}

const STARTS_A_WORD = 'INSTR(search_text, ?) > 0';
