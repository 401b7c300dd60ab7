import type { EntityManager } from 'typeorm';
import { type Dialect, jsonRows } from '../database/dialect.js';
import type { DirectQueries } from '../database/direct-queries.js';
import { WORD_LENGTH } from './search-text.js';

/** A word of a row, in the order of the columns. */
export type WordRow = [isDeleted: 0 | 1, word: string, id: number];

const COLUMNS = [
  { name: 'is_deleted', type: 'tinyint' },
  { name: 'word', type: `varchar(${WORD_LENGTH}) CHARACTER SET utf8mb4` },
  { name: 'id', type: 'int' },
];
/** Words of one statement. */
const BATCH_SIZE = 10_000;
/** Up to so many words, servers take less time for placeholders than for JSON. Each number is a prepared statement. */
const SMALL_SIZES = [1, 2, 4, 8, 16, 32];

/** Writes the words of rows. */
export class WordTable {
  private readonly insertStatement: string;
  private readonly deleteStatement: string;
  private readonly smallInserts = new Map<number, string>();
  private readonly smallDeletes = new Map<number, string>();

  constructor(
    private readonly queries: DirectQueries,
    dialect: Dialect,
    readonly name: string,
  ) {
    const rows = jsonRows(dialect, COLUMNS);
    const columns = 'is_deleted, word, id';
    if (dialect === 'sqlite') {
      this.insertStatement = `INSERT OR IGNORE INTO ${name} (${columns}) SELECT ${columns} FROM ${rows}`;
      this.deleteStatement = `DELETE FROM ${name} WHERE (${columns}) IN ${rows}`;
      return;
    }
    // a word may be there already, if another release has changed the row in between
    this.insertStatement = `INSERT INTO ${name} (${columns}) SELECT j.is_deleted, j.word, j.id FROM ${rows} AS j
      ON DUPLICATE KEY UPDATE id = j.id`;
    this.deleteStatement = `DELETE w FROM ${rows} AS j STRAIGHT_JOIN ${name} AS w
      ON w.is_deleted = j.is_deleted AND w.word = j.word COLLATE utf8mb4_bin AND w.id = j.id`;
    for (const size of SMALL_SIZES) {
      const times = (text: string, separator: string): string => Array<string>(size).fill(text).join(separator);
      this.smallInserts.set(
        size,
        `INSERT INTO ${name} (${columns}) VALUES ${times('(?, ?, ?)', ', ')} ON DUPLICATE KEY UPDATE word = ${name}.word`,
      );
      this.smallDeletes.set(
        size,
        `DELETE FROM ${name} WHERE ${times('(is_deleted = ? AND word = ? AND id = ?)', ' OR ')}`,
      );
    }
  }

  insert(manager: EntityManager, rows: WordRow[]): Promise<void> {
    return this.run(manager, rows, this.smallInserts, this.insertStatement);
  }

  delete(manager: EntityManager, rows: WordRow[]): Promise<void> {
    return this.run(manager, rows, this.smallDeletes, this.deleteStatement);
  }

  private async run(manager: EntityManager, rows: WordRow[], small: Map<number, string>, large: string): Promise<void> {
    const size = SMALL_SIZES.find((one) => one >= rows.length);
    const statement = size === undefined ? undefined : small.get(size);
    if (rows.length > 0 && size !== undefined && statement !== undefined) {
      // filled up with the last word
      const values = Array.from({ length: size }, (_, n) => rows[n] ?? rows.at(-1)!).flat();
      await this.queries.writeIn(manager, statement, values);
      return;
    }
    for (let start = 0; start < rows.length; start += BATCH_SIZE)
      await this.queries.writeIn(manager, large, [JSON.stringify(rows.slice(start, start + BATCH_SIZE))]);
  }
}
