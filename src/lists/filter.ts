import type { SqlValue } from '../database/direct-queries.js';

/** An index that yields the ids of all rows that may satisfy a condition. */
export interface IdSource {
  /** A SELECT of one column, `id`, that reads nothing but an index. An id may occur several times. */
  sql: string;
  values: SqlValue[];
  /** An index of the table itself that the condition narrows: lists in its order can start from it. */
  index?: string;
  /** Whether the entries of `index` are in the order of ids, as all their other columns are equal. */
  isOrderedById?: boolean;
}

/** A condition of a WHERE clause, with the values of its placeholders. */
export interface Condition {
  sql: string;
  values: SqlValue[];
  /** The one column that it looks at, if there is only one: an index with that column decides it. */
  column?: string;
  /**
   * For each list in it, any one of its sources is enough: their ids together are those of all rows that may satisfy
   * the condition. None for a condition that nearly all rows satisfy.
   */
  sources?: IdSource[][];
}

/** The rows of a list: deleted or active ones that satisfy all conditions. The most selective should come first. */
export interface Filter {
  deleted: boolean;
  conditions: Condition[];
}
