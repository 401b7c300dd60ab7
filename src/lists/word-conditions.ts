import type { Dialect } from '../database/dialect.js';
import type { SearchQuery } from '../search/query.js';
import { indexedWord } from '../search/search-text.js';
import type { Condition, IdSource } from './filter.js';

/** Greater than every letter. */
const LAST_CHARACTER = '\u{10ffff}';

/** The conditions of a search: one for each word, so that each has an index of its own. */
export function wordConditions(dialect: Dialect, query: SearchQuery, words: string, deleted: boolean): Condition[] {
  const source = (word: string): IdSource => {
    const start = indexedWord(word);
    return {
      sql: `SELECT id FROM ${words} WHERE is_deleted = ${deleted ? 1 : 0} AND word >= ? AND word < ?`,
      values: [start, start + LAST_CHARACTER],
    };
  };
  const { sql: startsAWord, valueOf } = dialect === 'sqlite' ? EMBEDDED : SERVER;
  const [first, ...others] = query;
  if (!first)
    return [{ sql: '1 = 0', values: [], sources: [[{ sql: `SELECT id FROM ${words} WHERE 1 = 0`, values: [] }]] }];
  if (others.length === 0)
    return first.map((word) => ({ sql: startsAWord, values: [valueOf(word)], sources: [[source(word)]] }));
  return [
    {
      sql: query.map((form) => form.map(() => startsAWord).join(' AND ')).join(' OR '),
      values: query.flatMap((form) => form.map(valueOf)),
      sources: query.map((form) => form.map(source)),
    },
  ];
}

interface TextCondition {
  sql: string;
  valueOf: (word: string) => string;
}

const EMBEDDED: TextCondition = { sql: 'INSTR(search_text, ?) > 0', valueOf: (word) => ` ${word}` };
/** Of bytes: servers find them in less time than characters, and than INSTR does. */
const SERVER: TextCondition = {
  sql: `search_text LIKE CAST(? AS BINARY) ESCAPE '!'`,
  valueOf: (word) => `% ${word.replace(/[!%_]/g, '!$&')}%`,
};
