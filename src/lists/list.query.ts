import { toSqlTime } from '../database/dialect.js';
import {
  BooleanParameter,
  IntegerParameter,
  IsOneOf,
  MAX_ID,
  normalizeEmail,
  OptionalNotNull,
  SingleLine,
  TimeParameter,
} from '../validation/fields.js';
import type { Filter } from './key-paging.js';

const SORTS = ['id', 'name', 'surname', 'email', 'createdAt', 'lastModifiedAt'];

/** What all lists have in common. */
export class PageQuery {
  /** How many items a page has; 50 if nothing is said. */
  @OptionalNotNull()
  @IntegerParameter(1, 200)
  limit?: number;

  /** The `next` of the page before; with the same filters and order. */
  @OptionalNotNull()
  @SingleLine(1000)
  cursor?: string;
}

/** What the lists of customers and of users have in common. */
export class ListQuery extends PageQuery {
  /** Adds `total` to the page. */
  @OptionalNotNull()
  @BooleanParameter()
  count?: boolean;

  /** The order; `-` in front for descending. The newest first if nothing is said. */
  @OptionalNotNull()
  @IsOneOf(...SORTS, ...SORTS.map((name) => `-${name}`))
  sort?: string;

  /** The one with this e-mail, whatever its case. */
  @OptionalNotNull()
  @SingleLine(254)
  email?: string;

  /** Those created by the user with this id. */
  @OptionalNotNull()
  @IntegerParameter(1, MAX_ID)
  createdBy?: number;

  /** Those changed at this time or since. */
  @OptionalNotNull()
  @TimeParameter()
  modifiedSince?: Date;

  /** Only the deleted ones, instead of only those that are not. */
  @OptionalNotNull()
  @BooleanParameter()
  deleted?: boolean;
}

/** `modifiedAt` is the one column that the two tables of the Flask service name differently. */
export function filterOf(query: ListQuery, modifiedAt: string): Filter {
  // the plus keeps SQLite from the index of this column, which nearly all rows share; it means nothing to the others
  const filter: Filter = { conditions: [query.deleted ? 'is_deleted = 1' : '+is_deleted = 0'], values: [] };
  const add = (condition: string, value: string | number): void => {
    filter.conditions.push(condition);
    filter.values.push(value);
  };
  if (query.email !== undefined) {
    const column = query.deleted ? 'LOWER(TRIM(email))' : 'live_email';
    add(`${column} = ?`, normalizeEmail(query.email));
  }
  if (query.createdBy !== undefined) add('created_by = ?', query.createdBy);
  if (query.modifiedSince !== undefined) add(`${modifiedAt} >= ?`, toSqlTime(query.modifiedSince));
  return filter;
}
