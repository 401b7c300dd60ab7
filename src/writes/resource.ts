import type { EntityManager } from 'typeorm';
import type { EntityTable } from '../database/entity-table.js';
import type { ProblemCode } from '../problems/catalog.js';

/** What every row written through `ResourceWriter` has. */
export interface Versioned {
  id: number;
  version: number;
  isDeleted: boolean;
  deletedAt: Date | null;
  createdBy: number | null;
  createdAt: Date | null;
  lastModifiedBy: number | null;
  lastModifiedAt: Date | null;
}

/** The Flask service recorded no deletion time: deleting was the last change of such a row. */
export const deletedAtOf = (row: Pick<Versioned, 'isDeleted' | 'deletedAt' | 'lastModifiedAt'>): Date | null =>
  row.isDeleted ? (row.deletedAt ?? row.lastModifiedAt) : null;

/** Computed by the database, or by `DerivedData`. */
type ComputedColumn =
  | 'liveEmail'
  | 'hasPhoto'
  | 'isStale'
  | 'createdSort'
  | 'modifiedSort'
  | 'nameKey'
  | 'surnameKey'
  | 'companyKey'
  | 'emailKey'
  | 'emailSort'
  | 'searchText'
  | 'indexedAt';

/** Null in a new row. */
type LaterColumn = 'mergedInto' | 'erasedAt';

/** The values that a service gives a new row; the write path and the database add the rest. */
export type NewRow<Row extends Versioned> = Omit<Row, ComputedColumn | LaterColumn | keyof Versioned>;

/** A row before and after a write; a new row has no `before`. */
export interface RowChange<Row> {
  before?: Row;
  after: Row;
}

/** What is derived from a row and stored with it: columns of the row, and rows of another table. */
export interface DerivedData<Row> {
  columns: (row: Row) => Partial<Row>;
  /** Follows the writes of rows, in their transaction. */
  write: (manager: EntityManager, changes: Array<RowChange<Row>>) => Promise<void>;
}

/** A kind of row with versions and history, as the write path sees it. */
export interface Resource<Row extends Versioned> {
  name: 'customer' | 'user';
  table: EntityTable<Row>;
  notFound: ProblemCode;
  /** Throws for a row of which only a tombstone is left. */
  refuseErased?: (row: Row) => void;
  /** The fields that the history records, named as in the API. Must not contain secrets. */
  auditedFields: (row: Row) => Record<string, unknown>;
  derivedData?: DerivedData<Row>;
  /**
   * Follows every write of a row, in its transaction: for whatever is derived from it, which then cannot be forgotten.
   * `before` is undefined for a new row.
   */
  afterWrite?: (before: Row | undefined, after: Row, manager: EntityManager) => Promise<void>;
}
