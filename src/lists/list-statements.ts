import { type Dialect, forceIndex } from '../database/dialect.js';
import type { SqlValue } from '../database/direct-queries.js';
import type { EntityTable } from '../database/entity-table.js';
import type { Condition, Filter, IdSource } from './filter.js';

/** Where a row is in the order of a list: its sort value, as the database returns it, and its id. */
export type Position = [value: string | number, id: number];

/** A column that a list can be sorted by. Both are part of statements: constants of the source. */
export interface SortKey {
  sql: string;
  /** Starts with `is_deleted`, and continues with the key. */
  index: string;
}

export interface Order {
  key: SortKey;
  descending: boolean;
}

export interface Statement {
  sql: string;
  values: SqlValue[];
}

/** The statements of one list: of a table, a filter and an order. */
export class ListStatements {
  /** The index that has the rows in the order of the list. */
  private readonly walked: string;
  private readonly isById: boolean;

  constructor(
    private readonly dialect: Dialect,
    private readonly table: Pick<EntityTable<{ id: number }>, 'name' | 'selection'>,
    private readonly filter: Filter,
    private readonly order: Order,
  ) {
    this.isById = order.key.sql === 'id';
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

  /** The condition with the fewest ids, by the number of each source's ids, and how many it has. */
  narrowest(counts: Map<IdSource, number>): { source: IdSource; ids: number } | undefined {
    const countOf = (source: IdSource): number => counts.get(source)!;
    const candidates = this.filter.conditions.flatMap(({ sources }) => {
      if (!sources) return [];
      const chosen = sources.map((list) => list.reduce((one, other) => (countOf(other) < countOf(one) ? other : one)));
      const source = {
        sql: chosen.map(({ sql }) => sql).join(' UNION ALL '),
        values: chosen.flatMap(({ values }) => values),
      };
      return { source, ids: chosen.reduce((sum, one) => sum + countOf(one), 0) };
    });
    return candidates.sort((one, other) => one.ids - other.ids)[0];
  }

  /** How many ids each source has, counted up to a limit. */
  count(limit: number): Statement {
    const { sources } = this;
    const counts = sources.map(({ sql }, n) => `(SELECT COUNT(*) FROM (${sql} LIMIT ?) AS s${n}) AS n${n}`);
    return { sql: `SELECT ${counts.join(', ')}`, values: sources.flatMap(({ values }) => [...values, limit]) };
  }

  /** Rows of the list by way of a source's ids, which are then sorted. */
  read(source: IdSource, after: Position | undefined, limit: number): Statement {
    const { join } = this;
    const condition = this.where([...this.conditions, ...this.after(after)]);
    return {
      sql: `SELECT ${this.table.selection}, page_value AS sortValue FROM (
          SELECT id AS page_id, ${this.order.key.sql} AS page_value FROM ${this.matching(source)}
          ${join} ${this.table.name} ON id = matching_id WHERE ${condition.sql}
          ORDER BY ${this.orderBy('page_value', 'page_id')} LIMIT ?
        ) AS page ${join} ${this.table.name} ON id = page_id ORDER BY ${this.orderBy('page_value', 'page_id')}`,
      values: [...source.values, ...condition.values, limit],
    };
  }

  /** Rows of the list in its order, by way of an index that has this order. */
  walk(after: Position | undefined, until: Position | undefined, limit: number): Statement {
    const condition = this.where([...this.conditions, ...this.after(after), ...this.until(until)]);
    return {
      sql: `SELECT ${this.table.selection}, ${this.order.key.sql} AS sortValue FROM ${this.walkedTable}
        WHERE ${condition.sql} ORDER BY ${this.ordered} LIMIT ?`,
      values: [...condition.values, limit],
    };
  }

  /** The position `distance` entries of the walked index further on. */
  advance(after: Position | undefined, distance: number): Statement {
    const narrowing = this.filter.conditions.filter(({ sources }) => sources?.[0]?.[0]?.index === this.walked);
    const condition = this.where([this.deletion, ...narrowing, ...this.after(after)]);
    return {
      sql: `SELECT ${this.order.key.sql} AS value, id FROM ${this.walkedTable}
        WHERE ${condition.sql} ORDER BY ${this.ordered} LIMIT 1 OFFSET ?`,
      values: [...condition.values, distance],
    };
  }

  /** How many rows the list has, counted up to a limit. */
  total(source: IdSource | undefined, limit: number): Statement {
    const condition = this.where(this.conditions);
    const rows = source
      ? `${this.matching(source)} ${this.join} ${this.table.name} ON id = matching_id`
      : this.walkedTable;
    return {
      sql: `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${rows} WHERE ${condition.sql} LIMIT ?) AS counted`,
      values: [...(source?.values ?? []), ...condition.values, limit],
    };
  }

  private get deletion(): Pick<Condition, 'sql' | 'values'> {
    return { sql: `is_deleted = ${this.filter.deleted ? 1 : 0}`, values: [] };
  }

  private get conditions(): Array<Pick<Condition, 'sql' | 'values'>> {
    return [this.deletion, ...this.filter.conditions];
  }

  private get walkedTable(): string {
    return `${this.table.name} ${forceIndex(this.dialect, this.walked)}`;
  }

  /** Joins in the order in which the tables are named. */
  private get join(): string {
    return this.dialect === 'sqlite' ? 'CROSS JOIN' : 'STRAIGHT_JOIN';
  }

  private get ordered(): string {
    return this.orderBy(this.order.key.sql, 'id');
  }

  private orderBy(value: string, id: string): string {
    const direction = this.order.descending ? 'DESC' : 'ASC';
    return this.isById ? `${id} ${direction}` : `${value} ${direction}, ${id} ${direction}`;
  }

  private matching({ sql }: IdSource): string {
    return `(SELECT DISTINCT id AS matching_id FROM (${sql}) AS source) AS matching`;
  }

  private after(position: Position | undefined): Array<Pick<Condition, 'sql' | 'values'>> {
    return position ? [this.beyond(position, this.order.descending ? '<' : '>', '')] : [];
  }

  private until(position: Position | undefined): Array<Pick<Condition, 'sql' | 'values'>> {
    return position ? [this.beyond(position, this.order.descending ? '>' : '<', '=')] : [];
  }

  private beyond([value, id]: Position, operator: '<' | '>', orEqual: '' | '='): Pick<Condition, 'sql' | 'values'> {
    const { sql } = this.order.key;
    if (this.isById) return { sql: `id ${operator}${orEqual} ?`, values: [id] };
    // SQLite needs the first condition to use the index; with the second alone it scans from the start of the list
    return {
      sql: `${sql} ${operator}= ? AND (${sql} ${operator} ? OR (${sql} = ? AND id ${operator}${orEqual} ?))`,
      values: [value, value, value, id],
    };
  }

  private where(conditions: Array<Pick<Condition, 'sql' | 'values'>>): Statement {
    return {
      sql: conditions.map(({ sql }) => `(${sql})`).join(' AND '),
      values: conditions.flatMap(({ values }) => values),
    };
  }
}
