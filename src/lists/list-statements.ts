import { type Dialect, forceIndex, jsonRows } from '../database/dialect.js';
import type { SqlValue } from '../database/direct-queries.js';
import type { EntityTable } from '../database/entity-table.js';
import { Conditions } from './conditions.js';
import type { Condition, Filter, IdSource } from './filter.js';
import type { SortKey, Sorts } from './sort-key.js';

/** Where a row is in the order of a list: its sort value, as the database returns it, and its id. */
export type Position = [value: string | number, id: number];

export interface Order {
  key: SortKey;
  descending: boolean;
}

export interface Statement {
  sql: string;
  values: SqlValue[];
}

/** A part of a list: the positions after the one, up to and including the other. */
export interface Range {
  after?: Position;
  until?: Position;
}

/** What the statements of a list of a table have in common. */
export interface ListedRows {
  dialect: Dialect;
  table: Pick<EntityTable<{ id: number }>, 'name' | 'selection'>;
  sorts: Sorts;
}

/** The statements of one list: of a table, a filter and an order. */
export class ListStatements {
  /** The index that has the rows in the order of the list. */
  readonly walked: string;
  private readonly isById: boolean;
  /** What the rows are sorted by, and then by their ids. */
  private readonly key: string;
  private readonly table: string;

  constructor(
    private readonly listed: ListedRows,
    readonly filter: Filter,
    readonly order: Order,
  ) {
    this.table = listed.table.name;
    // a filter for one value of the key leaves the order of ids, which MariaDB would not see
    this.isById = order.key.sql === 'id' || filter.conditions.some((condition) => isFor(condition, order.key.sql));
    this.key = this.isById ? 'id' : order.key.sql;
    const narrowed = this.sources.find(({ isOrderedById }) => this.isById && isOrderedById);
    this.walked = narrowed?.index ?? order.key.index;
  }

  get sources(): IdSource[] {
    return this.filter.conditions.flatMap(({ sources }) => sources?.flat() ?? []);
  }

  /** Whether a walk reads only rows of the list, or as good as. */
  get isWalkSelective(): boolean {
    return this.sources.every(({ index }) => index === this.walked);
  }

  /** Whether the walked index decides all conditions. */
  get isCovered(): boolean {
    return this.covers(this.walked);
  }

  /** Whether the ids of any source can be sorted without reading their rows. */
  get sortsInIndex(): boolean {
    return this.isById || this.sources.every(({ index }) => index !== undefined && this.covers(index));
  }

  /** The same list, only of rows that were modified at `time` or later. */
  modifiedSince(time: Date): ListStatements {
    const { dialect, sorts } = this.listed;
    const conditions = new Conditions(dialect, this.table, this.filter.deleted);
    conditions.since(sorts.lastModifiedAt, time);
    const filter = { ...this.filter, conditions: [...conditions.conditions, ...this.filter.conditions] };
    return new ListStatements(this.listed, filter, this.order);
  }

  /** The condition with the fewest ids, by the number of each source's ids, and how many it has. */
  narrowest(counts: Map<IdSource, number>): { source: IdSource; ids: number } | undefined {
    const countOf = (source: IdSource): number => counts.get(source)!;
    const candidates = this.filter.conditions.flatMap(({ sources }) => {
      if (!sources) return [];
      const chosen = sources.map((list) => list.reduce((one, other) => (countOf(other) < countOf(one) ? other : one)));
      return { source: union(chosen), ids: chosen.reduce((sum, one) => sum + countOf(one), 0) };
    });
    return candidates.sort((one, other) => one.ids - other.ids)[0];
  }

  /** Null for each of the sources that has no more ids than the limit. Cheaper than to count up to it. */
  exceeding(sources: IdSource[], limit: number): Statement {
    const ids = sources.map(({ sql }, n) => `(${sql} LIMIT 1 OFFSET ?) AS n${n}`);
    return { sql: `SELECT ${ids.join(', ')}`, values: sources.flatMap(({ values }) => [...values, limit]) };
  }

  /** How many ids each of the sources has. */
  counts(sources: IdSource[]): Statement {
    const counts = sources.map(({ sql }, n) => `(SELECT COUNT(*) FROM (${sql}) AS s${n}) AS n${n}`);
    return { sql: `SELECT ${counts.join(', ')}`, values: sources.flatMap(({ values }) => values) };
  }

  /**
   * Positions of the list by way of a source's ids, in order; some may be those of rows that `rows` then leaves out. Reads
   * as little as it can for each id: rows only for the orders whose key is in no other index.
   */
  candidates(source: IdSource, { after, until }: Range, limit: number): Statement {
    const within = [...this.after(after), ...this.until(until)];
    if (source.index && this.covers(source.index))
      return this.positions(this.using(source.index), [...this.conditions, ...within], limit);
    if (this.isById) return this.positions(`(${source.sql}) AS source`, within, limit, source.values);
    const { id: byId } = this.listed.sorts;
    const isIndexed = byId.covers?.includes(this.key);
    const rows = isIndexed ? this.using(byId.index) : this.table;
    const from = `(SELECT DISTINCT id AS matching_id FROM (${source.sql}) AS source) AS matching
      ${this.join} ${rows} ON id = matching_id`;
    const decided = this.conditions.filter(({ column }) => !isIndexed || columnsOf(byId).includes(column));
    return this.positions(from, [...decided, ...within], limit, source.values);
  }

  /** Positions of the list in its order, by way of an index that decides all conditions. */
  entries({ after, until }: Range, limit: number): Statement {
    const conditions = [...this.conditions, ...this.after(after), ...this.until(until)];
    return this.positions(this.using(this.walked), conditions, limit);
  }

  /** Those of some rows that are in the list, in any order. */
  rows(ids: number[]): Statement {
    const { dialect, table } = this.listed;
    const condition = where(this.conditions);
    return {
      sql: `SELECT ${table.selection} FROM ${jsonRows(dialect, [{ name: 'listed_id', type: 'int' }])} AS listed
        ${this.join} ${this.table} ON id = listed_id WHERE ${condition.sql}`,
      values: [JSON.stringify(ids.map((id) => [id])), ...condition.values],
    };
  }

  /** Rows of the list in its order, by way of an index that has this order. */
  walk({ after, until }: Range, limit: number): Statement {
    const condition = where([...this.conditions, ...this.after(after), ...this.until(until)]);
    return {
      sql: `SELECT ${this.listed.table.selection}, ${this.key} AS sortValue FROM ${this.using(this.walked)}
        WHERE ${condition.sql} ORDER BY ${this.ordered} LIMIT ?`,
      values: [...condition.values, limit],
    };
  }

  /** The position `distance` entries of the walked index further on. */
  advance(after: Position | undefined, distance: number): Statement {
    const narrowing = this.filter.conditions.filter(({ sources }) => sources?.[0]?.[0]?.index === this.walked);
    const condition = where([this.deletion, ...narrowing, ...this.after(after)]);
    return {
      sql: `SELECT ${this.key} AS value, id FROM ${this.using(this.walked)}
        WHERE ${condition.sql} ORDER BY ${this.ordered} LIMIT 1 OFFSET ?`,
      values: [...condition.values, distance],
    };
  }

  /** How many rows the list has, counted up to a limit. */
  total(source: IdSource | undefined, limit: number): Statement {
    const condition = where(this.conditions);
    const rows = source
      ? `(SELECT DISTINCT id AS matching_id FROM (${source.sql}) AS source) AS matching
        ${this.join} ${this.table} ON id = matching_id`
      : this.using(this.walked);
    return {
      sql: `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${rows} WHERE ${condition.sql} LIMIT ?) AS counted`,
      values: [...(source?.values ?? []), ...condition.values, limit],
    };
  }

  private positions(from: string, conditions: Part[], limit: number, values: SqlValue[] = []): Statement {
    const condition = where(conditions);
    return {
      sql: `SELECT ${this.key} AS value, id FROM ${from}
        WHERE ${condition.sql} ORDER BY ${this.ordered} LIMIT ?`,
      values: [...values, ...condition.values, limit],
    };
  }

  /** Whether an index decides all conditions, and has the key of the order. */
  private covers(index: string): boolean {
    const sort = Object.values(this.listed.sorts).find((one) => one.index === index);
    const needed = [this.key, ...this.filter.conditions.map(({ column }) => column)];
    return sort !== undefined && needed.every((column) => columnsOf(sort).includes(column));
  }

  private get deletion(): Part {
    return { sql: `is_deleted = ${this.filter.deleted ? 1 : 0}`, values: [], column: 'is_deleted' };
  }

  private get conditions(): Part[] {
    return [this.deletion, ...this.filter.conditions];
  }

  private using(index: string): string {
    return `${this.table} ${forceIndex(this.listed.dialect, index)}`;
  }

  /** Joins in the order in which the tables are named. */
  private get join(): string {
    return this.listed.dialect === 'sqlite' ? 'CROSS JOIN' : 'STRAIGHT_JOIN';
  }

  private get ordered(): string {
    const direction = this.order.descending ? 'DESC' : 'ASC';
    return this.isById ? `id ${direction}` : `${this.key} ${direction}, id ${direction}`;
  }

  private after(position: Position | undefined): Part[] {
    return position ? [this.beyond(position, this.order.descending ? '<' : '>', '')] : [];
  }

  private until(position: Position | undefined): Part[] {
    return position ? [this.beyond(position, this.order.descending ? '>' : '<', '=')] : [];
  }

  private beyond([value, id]: Position, operator: '<' | '>', orEqual: '' | '='): Part {
    const sql = this.key;
    if (this.isById) return { sql: `id ${operator}${orEqual} ?`, values: [id] };
    // SQLite needs the first condition to use the index; with the second alone it scans from the start of the list
    return {
      sql: `${sql} ${operator}= ? AND (${sql} ${operator} ? OR (${sql} = ? AND id ${operator}${orEqual} ?))`,
      values: [value, value, value, id],
    };
  }
}

type Part = Omit<Condition, 'sources'>;

const where = (conditions: Part[]): Statement => ({
  sql: conditions.length > 0 ? conditions.map(({ sql }) => `(${sql})`).join(' AND ') : '1 = 1',
  values: conditions.flatMap(({ values }) => values),
});

const union = (sources: IdSource[]): IdSource =>
  sources.length === 1
    ? sources[0]!
    : {
        sql: sources.map(({ sql }) => sql).join(' UNION ALL '),
        values: sources.flatMap(({ values }) => values),
      };

/** Whether the condition is that the column has one value. */
const isFor = ({ column, sources }: Condition, wanted: string): boolean =>
  column === wanted && sources?.[0]?.[0]?.isOrderedById === true;

const columnsOf = ({ sql, covers = [] }: SortKey): Array<string | undefined> => ['is_deleted', 'id', sql, ...covers];
