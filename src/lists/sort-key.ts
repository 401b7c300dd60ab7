/** A column that a list can be sorted by. Its members are part of statements: constants of the source. */
export interface SortKey {
  sql: string;
  /** Starts with `is_deleted`, and continues with the key. */
  index: string;
  /** Other columns of that index, besides `is_deleted` and `id`. */
  covers?: readonly string[];
}

/** The orders of a list, by their names in the API. */
export interface Sorts extends Record<string, SortKey> {
  id: SortKey;
  name: SortKey;
  surname: SortKey;
  email: SortKey;
  createdAt: SortKey;
  lastModifiedAt: SortKey;
}
