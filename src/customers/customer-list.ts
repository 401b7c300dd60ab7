import type { Dialect } from '../database/dialect.js';
import { commonConditions } from '../lists/common-conditions.js';
import type { Filter } from '../lists/filter.js';
import type { Sorts } from '../lists/sort-key.js';
import { keyOf } from '../search/fold.js';
import type { ListCustomersQuery } from './list-customers.query.js';

/** Columns of each index that is listed by id or time: filters on them are decided without reading the rows. */
const COVERS = ['created_at', 'last_modified_at', 'created_by', 'erased_at'];

export const CUSTOMER_SORTS: Sorts = {
  id: { sql: 'id', index: 'ix_customers_listed_id', covers: COVERS },
  name: { sql: 'name_key', index: 'ix_customers_is_deleted_name_key' },
  surname: { sql: 'surname_key', index: 'ix_customers_is_deleted_surname_key' },
  email: { sql: 'email_sort', index: 'ix_customers_is_deleted_email_sort' },
  createdAt: { sql: 'created_at', index: 'ix_customers_listed_created_at', covers: COVERS },
  lastModifiedAt: { sql: 'last_modified_at', index: 'ix_customers_listed_last_modified_at', covers: COVERS },
};

export function customerFilter(dialect: Dialect, query: ListCustomersQuery): Filter {
  return commonConditions(
    dialect,
    { name: 'customers', words: 'customer_words', sorts: CUSTOMER_SORTS },
    query,
    (conditions) => {
      const { deleted, phone, company, hasPhoto } = query;
      if (deleted) conditions.add({ sql: 'erased_at IS NULL', values: [], column: 'erased_at' });
      conditions.equals('phone', phone, 'ix_customers_is_deleted_phone');
      const companyKey = company === undefined ? undefined : keyOf(company);
      conditions.equals('company_key', companyKey, 'ix_customers_is_deleted_company_key');
      if (hasPhoto !== undefined) conditions.equals('has_photo', hasPhoto ? 1 : 0, 'ix_customers_is_deleted_has_photo');
    },
  );
}
