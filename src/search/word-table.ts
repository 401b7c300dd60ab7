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

/** Writes the words of rows. */
export class WordTable {
  private readonly insertStatement: string;
  private readonly deleteStatement: string;

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
    } else {
      // a word may be there already, if another release has changed the row in between
      this.insertStatement = `INSERT INTO ${name} (${columns}) SELECT j.is_deleted, j.word, j.id FROM ${rows} AS j
        ON DUPLICATE KEY UPDATE id = j.id`;
      this.deleteStatement = `DELETE w FROM ${rows} AS j STRAIGHT_JOIN ${name} AS w
        ON w.is_deleted = j.is_deleted AND w.word = j.word COLLATE utf8mb4_bin AND w.id = j.id`;
    }
  }

  insert(manager: EntityManager, rows: WordRow[]): Promise<void> {
    return this.run(manager, this.insertStatement, rows);
  }

  delete(manager: EntityManager, rows: WordRow[]): Promise<void> {
    return this.run(manager, this.deleteStatement, rows);
  }

  private async run(manager: EntityManager, sql: string, rows: WordRow[]): Promise<void> {
    for (let start = 0; start < rows.length; start += BATCH_SIZE)
      await this.queries.writeIn(manager, sql, [JSON.stringify(rows.slice(start, start + BATCH_SIZE))]);
  }
}
