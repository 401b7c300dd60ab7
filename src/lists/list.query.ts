import { toSqlTime } from '../database/dialect.js';
import { EMAIL_KEY } from '../database/email-key.js';
import { normalizeEmail } from '../text/email.js';
import {
  BooleanParameter,
  IntegerParameter,
  IsOneOf,
  MAX_ID,
  OptionalNotNull,
  SingleLine,
  TimeParameter,
} from '../validation/fields.js';
import type { Filter } from './key-paging.js';

const SORTS = ['id', 'name', 'surname', 'email', 'createdAt', 'lastModifiedAt'];

/** The query parameters of all lists. */
export class PageQuery {
  /** Items per page. Default: 50. */
  @OptionalNotNull()
  @IntegerParameter(1, 200)
  limit?: number;

  /** `next` of the previous page. Repeat its filters and order. */
  @OptionalNotNull()
  @SingleLine(1000)
  cursor?: string;
}

/** The query parameters of the lists of customers and users. */
export class ListQuery extends PageQuery {
  /** Adds `total` to `page`. Default: false. */
  @OptionalNotNull()
  @BooleanParameter()
  count?: boolean;

  /** Sort order; prefix `-` for descending. Default: `-id`, newest first. */
  @OptionalNotNull()
  @IsOneOf(...SORTS, ...SORTS.map((name) => `-${name}`))
  sort?: string;

  /** Exact e-mail, case-insensitive. */
  @OptionalNotNull()
  @SingleLine(254)
  email?: string;

  /** Only records that the user with this id created. */
  @OptionalNotNull()
  @IntegerParameter(1, MAX_ID)
  createdBy?: number;

  /** Only records that were changed at this time or later. */
  @OptionalNotNull()
  @TimeParameter()
  modifiedSince?: Date;

  /** `true`: only deleted records. Default: only active records. */
  @OptionalNotNull()
  @BooleanParameter()
  deleted?: boolean;
}

/**
 * `modifiedAt` is the name of the modification time column, which differs between the two tables of the Flask service.
 */
export function filterOf(query: ListQuery, modifiedAt: string): Filter {
  // the unary plus keeps SQLite from using this column's unselective index; MySQL and MariaDB ignore it
  const filter: Filter = { conditions: [query.deleted ? 'is_deleted = 1' : '+is_deleted = 0'], values: [] };
  const add = (condition: string, value: string | number): void => {
    filter.conditions.push(condition);
    filter.values.push(value);
  };
  if (query.email !== undefined) {
    const column = query.deleted ? EMAIL_KEY : 'live_email';
    add(`${column} = ?`, normalizeEmail(query.email));
  }
  if (query.createdBy !== undefined) add('created_by = ?', query.createdBy);
  if (query.modifiedSince !== undefined) add(`${modifiedAt} >= ?`, toSqlTime(query.modifiedSince));
  return filter;
}
