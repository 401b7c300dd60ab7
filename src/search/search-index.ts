import type { DataSource, EntityManager } from 'typeorm';
import { dialectOf, forceIndex, toSqlTime } from '../database/dialect.js';
import type { DirectQueries, SqlValue } from '../database/direct-queries.js';
import { EntityTable } from '../database/entity-table.js';
import { lockInTransaction } from '../database/locks.js';
import { keyOf } from './fold.js';
import type { SearchColumns } from './search-columns.js';
import { indexedWords, type SearchFields, searchText } from './search-text.js';
import { type WordRow, WordTable } from './word-table.js';

/** A row that can be searched. */
export type SearchedRow = SearchColumns &
  SearchFields & { id: number; isDeleted: boolean; lastModifiedAt: Date | null };

/** What differs between the tables that can be searched. */
export interface SearchedTable<Row extends SearchedRow> {
  entity: new () => Row;
  words: string;
  /** Search columns that only this table has. */
  columns: (row: Row) => Partial<Row>;
}

const BATCH_SIZE = 500;
/** That a list waits for. */
const MAX_BATCHES = 2;

/** Keeps the search columns and the words of a table's rows. */
export class SearchIndex<Row extends SearchedRow> {
  readonly words: WordTable;
  private readonly table: EntityTable<Row>;
  private readonly staleRows: string;
  private readonly updateStatement: string;
  private readonly updated: Array<keyof Row>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly queries: DirectQueries,
    private readonly searched: SearchedTable<Row>,
  ) {
    const dialect = dialectOf(dataSource);
    const metadata = dataSource.getMetadata(searched.entity);
    this.table = new EntityTable(dataSource, queries, searched.entity);
    this.words = new WordTable(queries, dialect, searched.words);
    this.staleRows = `${forceIndex(dialect, `ix_${this.table.name}_is_stale`)} WHERE is_stale = 1`;
    const computed = metadata.columns.filter(
      (column) => column.isInsert && !column.isSelect && column.propertyName !== 'indexedAt',
    );
    this.updated = computed.map((column) => column.propertyName as keyof Row);
    const modifiedAt = metadata.findColumnWithPropertyName('lastModifiedAt')!.databaseName;
    // the time as it is stored: those of the Flask service may have another precision
    this.updateStatement = `UPDATE ${this.table.name}
      SET ${computed.map((column) => `${column.databaseName} = ?`).join(', ')}, indexed_at = COALESCE(${modifiedAt}, ?)
      WHERE id = ?`;
  }

  columns(row: Row): Partial<Row> {
    const common: Partial<SearchColumns> = {
      nameKey: keyOf(row.name),
      surnameKey: keyOf(row.surname),
      emailSort: keyOf(row.email ?? ''),
      searchText: searchText(row),
      indexedAt: row.lastModifiedAt,
    };
    return { ...(common as Partial<Row>), ...this.searched.columns(row) };
  }

  /** Only the difference, unless another writer has changed the row before. */
  async write(manager: EntityManager, changes: Array<{ before?: Row; after: Row }>): Promise<void> {
    const removed: WordRow[] = [];
    const added: WordRow[] = [];
    for (const { before, after } of changes) {
      const old = indexedWords(before?.searchText ?? null);
      const current = indexedWords(after.searchText);
      const isRewritten = before !== undefined && (before.isDeleted !== after.isDeleted || isStale(before));
      for (const word of old)
        if (isRewritten) removed.push([0, word, after.id], [1, word, after.id]);
        else if (!current.has(word)) removed.push([after.isDeleted ? 1 : 0, word, after.id]);
      for (const word of current)
        if (isRewritten || !old.has(word)) added.push([after.isDeleted ? 1 : 0, word, after.id]);
    }
    await this.words.delete(manager, removed);
    await this.words.insert(manager, added);
  }

  get name(): string {
    return this.table.name;
  }

  /**
   * Before a list that depends on the index: rows that another writer has just written are then found at once. Only some
   * of them, as the request waits; after an import by another writer, `StaleRows` indexes the others. Returns whether there
   * are no others.
   */
  async catchUp(): Promise<boolean> {
    const sql = `SELECT id FROM ${this.table.name} ${this.staleRows} LIMIT 1`;
    let [next] = await this.queries.query<{ id: number }>(sql, []);
    for (let batch = 0; next && batch < MAX_BATCHES; batch++) {
      const { count, lastId } = await this.indexStaleRows(next.id - 1);
      next = count === BATCH_SIZE ? { id: lastId + 1 } : undefined;
    }
    return next === undefined;
  }

  async countStale(): Promise<number> {
    const sql = `SELECT COUNT(*) AS n FROM ${this.table.name} ${this.staleRows}`;
    const [row] = await this.queries.query<{ n: number | string }>(sql, []);
    return Number(row!.n);
  }

  /**
   * Indexes the next rows that another writer has changed, in the order of their ids. Returns how many, and the last
   * one's id.
   */
  indexStaleRows(afterId: number): Promise<{ count: number; lastId: number }> {
    return this.dataSource.transaction(async (manager) => {
      await lockInTransaction(manager, 'search_index');
      const next = `${this.staleRows} AND id > ? ORDER BY id LIMIT ${BATCH_SIZE}`;
      const rows = await this.table.lockWhere(manager, next, [afterId]);
      const changes = rows.map((before) => ({ before, after: { ...before, ...this.columns(before) } }));
      await Promise.all(changes.map(({ after }) => this.update(manager, after)));
      await this.write(manager, changes);
      return { count: rows.length, lastId: rows.at(-1)?.id ?? afterId };
    });
  }

  private update(manager: EntityManager, row: Row): Promise<unknown> {
    const values = [...this.updated.map((name) => row[name] as SqlValue), toSqlTime(new Date()), row.id];
    return this.queries.writeIn(manager, this.updateStatement, values);
  }
}

/** Whether another writer has changed the row since its search columns were computed; also true for new rows. */
const isStale = ({ indexedAt, lastModifiedAt }: SearchedRow): boolean =>
  indexedAt === null || (lastModifiedAt !== null && indexedAt.getTime() !== lastModifiedAt.getTime());
