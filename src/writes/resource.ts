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

/** A kind of row with versions and history, as the write path sees it. */
export interface Resource<Row extends Versioned> {
  name: 'customer' | 'user';
  table: EntityTable<Row>;
  notFound: ProblemCode;
  /** The fields that the history records, named as in the API. Must not contain secrets. */
  auditedFields: (row: Row) => Record<string, unknown>;
  /**
   * Follows every write of a row, in its transaction: for whatever is derived from it, which then cannot be forgotten.
   * `before` is undefined for a new row.
   */
  afterWrite?: (before: Row | undefined, after: Row, manager: EntityManager) => Promise<void>;
}
