import type { DataSource, EntityManager, EntityTarget, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { BatchInsert, toSqlValue } from './batch-insert.js';
import { BatchedReads } from './batched-reads.js';
import { forUpdate, fromSqlTime } from './dialect.js';
import type { DirectQueries, Reads, SqlValue } from './direct-queries.js';

type Raw = Record<string, unknown>;

/** The placeholders of a statement that looks up e-mails. */
const EMAILS = Array<string>(200).fill('?');

/**
 * Reads and writes rows of one entity with statements built once from its metadata, rather than by the query builder for
 * every call. Point reads that arrive together become one `IN` query.
 */
export class EntityTable<Row extends ObjectLiteral & { id: number }> {
  readonly name: string;
  /** The columns of a SELECT that `read` takes. */
  readonly selection: string;
  /** With the columns that `select` leaves out, so that every column can be written back. */
  private readonly storedSelection: string;
  private readonly dates: string[];
  private readonly booleans: string[];
  private readonly lockClause: string;
  private readonly inserts: BatchInsert;
  private readonly updateStatement: Statement;
  private readonly batchedReads: BatchedReads<Row>;

  constructor(
    dataSource: DataSource,
    private readonly queries: DirectQueries,
    entity: EntityTarget<Row>,
  ) {
    const { tableName, columns } = dataSource.getMetadata(entity);
    const stored = columns.filter((column) => column.isSelect || column.isInsert);
    const selected = columns.filter((column) => column.isSelect);
    const namesOf = (type: string): string[] =>
      stored.filter((column) => column.type === type).map((column) => column.propertyName);
    this.name = tableName;
    this.selection = selectionOf(selected);
    this.storedSelection = selectionOf(stored);
    this.dates = namesOf('datetime');
    this.booleans = namesOf('boolean');
    this.lockClause = forUpdate(dataSource);
    this.inserts = new BatchInsert(queries, tableName, columns);
    this.updateStatement = updateOf(tableName, columns);
    this.batchedReads = new BatchedReads(async (ids) => {
      const sql = `SELECT ${this.selection} FROM ${this.name} WHERE id IN (${ids.map(() => '?').join(', ')})`;
      return (await this.queries.query<Raw>(sql, ids)).map((row) => this.hydrate(row));
    });
  }

  /** By id, deleted rows too. */
  find(id: number): Promise<Row | undefined> {
    return this.batchedReads.find(id);
  }

  select(rest: string, values: SqlValue[]): Promise<Row[]> {
    return this.read({ sql: `SELECT ${this.selection} FROM ${this.name} ${rest}`, values });
  }

  /** The rows of a statement that selects `selection`, and perhaps more. */
  async read<Read extends Row>(
    { sql, values }: { sql: string; values: SqlValue[] },
    reads: Reads = this.queries,
  ): Promise<Read[]> {
    return (await reads.query<Raw>(sql, values)).map((row) => this.hydrate(row) as Read);
  }

  /** The newest committed row, locked until the transaction ends. */
  async lockById(manager: EntityManager, id: number): Promise<Row | undefined> {
    const [row] = await this.lockWhere(manager, 'WHERE id = ?', [id]);
    return row;
  }

  /** Rows with all their columns; `rest` may start with an index hint. */
  async lockWhere(manager: EntityManager, rest: string, parameters: SqlValue[]): Promise<Row[]> {
    const sql = `SELECT ${this.storedSelection} FROM ${this.name} ${rest}${this.lockClause}`;
    return (await this.queries.executeIn<Raw>(manager, sql, parameters)).map((row) => this.hydrate(row));
  }

  /** Locks in the order of the ids, so that two transactions that lock the same rows do not deadlock. */
  async lockByIds(manager: EntityManager, ids: number[]): Promise<Map<number, Row>> {
    const rows = new Map<number, Row>();
    for (const id of ids.toSorted((a, b) => a - b)) {
      const row = await this.lockById(manager, id);
      if (row) rows.set(id, row);
    }
    return rows;
  }

  /** The id that the database gave the new row. */
  async insert(manager: EntityManager, row: Omit<Row, 'id'>): Promise<number> {
    return (await this.inserts.one(manager, row)).insertId;
  }

  /** Without ids: `idsByEmail` finds those. */
  insertMany(manager: EntityManager, rows: Array<Omit<Row, 'id'>>): Promise<void> {
    return this.inserts.many(manager, rows);
  }

  /** Of active rows. */
  async idsByEmail(manager: EntityManager, emails: string[]): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    for (let start = 0; start < emails.length; start += EMAILS.length) {
      const batch = emails.slice(start, start + EMAILS.length);
      const sql = `SELECT id, live_email AS email FROM ${this.name} WHERE live_email IN (${EMAILS.join(', ')})`;
      // one prepared statement for all sizes: the first e-mail fills it up
      const values = EMAILS.map((_, n) => batch[n] ?? batch[0]!);
      for (const { id, email } of await this.queries.executeIn<{ id: number; email: string }>(manager, sql, values))
        ids.set(email, id);
    }
    return ids;
  }

  /**
   * Writes every column of the row if its `version` is still the given one; false if it is not. All columns, so that
   * each table has one prepared UPDATE.
   */
  async updateVersion(manager: EntityManager, row: Row, version: number): Promise<boolean> {
    const { sql, properties } = this.updateStatement;
    const values = [...valuesOf(row, properties), row.id, version];
    return (await this.queries.writeIn(manager, sql, values)).affectedRows === 1;
  }

  /** The inverse of `JSON.stringify(row)`. */
  revive(row: Row): Row {
    const raw = row as Raw;
    for (const name of this.dates) if (raw[name] !== null) raw[name] = new Date(raw[name] as string);
    return row;
  }

  private hydrate(raw: Raw): Row {
    for (const name of this.dates) {
      const value = raw[name];
      if (typeof value === 'string') raw[name] = fromSqlTime(value);
    }
    for (const name of this.booleans) {
      const value = raw[name];
      if (value !== null && value !== undefined) raw[name] = value === 1;
    }
    return raw as Row;
  }
}

interface Statement {
  sql: string;
  /** Whose values its placeholders take, in this order. */
  properties: string[];
}

const selectionOf = (columns: ColumnMetadata[]): string =>
  columns.map((column) => `${column.databaseName} AS ${column.propertyName}`).join(', ');

function updateOf(table: string, columns: ColumnMetadata[]): Statement {
  const updated = columns.filter((column) => column.isUpdate && !column.isPrimary);
  const assignments = updated.map((column) => `${column.databaseName} = ?`).join(', ');
  const sql = `UPDATE ${table} SET ${assignments} WHERE id = ? AND version = ?`;
  return { sql, properties: updated.map((column) => column.propertyName) };
}

const valuesOf = (row: object, properties: string[]): SqlValue[] =>
  properties.map((name) => toSqlValue((row as Raw)[name]));
