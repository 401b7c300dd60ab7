import type { Dialect } from '../database/dialect.js';
import { EMAIL_KEY } from '../database/email-key.js';
import { keyOf } from '../search/fold.js';
import { parseQuery } from '../search/query.js';
import { normalizeEmail } from '../text/email.js';
import { Conditions } from './conditions.js';
import type { Filter } from './filter.js';
import type { ListQuery } from './list.query.js';
import type { Sorts } from './sort-key.js';
import { wordConditions } from './word-conditions.js';

/** What differs between the lists of customers and users. */
interface ListedTable {
  name: string;
  words: string;
  sorts: Sorts;
}

/** The filter of a list; `addOwn` adds the conditions that only one table has. The most selective ones come first. */
export function commonConditions(
  dialect: Dialect,
  { name: table, words, sorts }: ListedTable,
  { deleted = false, q, email, name, surname, createdBy, createdSince, modifiedSince }: ListQuery,
  addOwn: (conditions: Conditions) => void,
): Filter {
  const conditions = new Conditions(dialect, table, deleted);
  if (email !== undefined) addEmail(conditions, table, sorts, normalizeEmail(email));
  if (q !== undefined) conditions.add(...wordConditions(dialect, parseQuery(q) ?? [], words, deleted));
  conditions.equals('surname_key', surname === undefined ? undefined : keyOf(surname), sorts.surname.index);
  conditions.equals('name_key', name === undefined ? undefined : keyOf(name), sorts.name.index);
  addOwn(conditions);
  conditions.equals('created_by', createdBy, `ix_${table}_created_by_is_deleted`);
  conditions.since(sorts.createdAt, createdSince);
  conditions.since(sorts.lastModifiedAt, modifiedSince);
  return conditions;
}

/** Compared as bytes. Of deleted rows, several may have the same one, and it is not indexed in this form. */
function addEmail(conditions: Conditions, table: string, sorts: Sorts, email: string): void {
  if (!conditions.deleted) return conditions.equals('live_email', email, `uq_${table}_live_email`);
  conditions.equals('email_sort', keyOf(email), sorts.email.index);
  const [byKey] = conditions.conditions.slice(-1);
  conditions.add({ sql: `${EMAIL_KEY} = ?`, values: [email], sources: byKey?.sources });
}

const SEARCHED_ORDERS = ['name', 'surname', 'email'];

/** Whether a list depends on what is derived from the rows, which may be out of date. */
export const usesSearchIndex = ({ sort = '', q, name, surname, email, deleted }: ListQuery): boolean =>
  SEARCHED_ORDERS.includes(sort.replace(/^-/, '')) ||
  [q, name, surname, deleted ? email : undefined].some((value) => value !== undefined);
