import type { Dialect } from '../database/dialect.js';
import { commonConditions } from '../lists/common-conditions.js';
import type { Filter } from '../lists/filter.js';
import type { SortKey } from '../lists/list-statements.js';
import { keyOf } from '../search/fold.js';
import type { ListCustomersQuery } from './list-customers.query.js';

export const CUSTOMER_SORTS: Record<string, SortKey> = {
  id: { sql: 'id', index: 'ix_customers_is_deleted_id' },
  name: { sql: 'name_key', index: 'ix_customers_is_deleted_name_key' },
  surname: { sql: 'surname_key', index: 'ix_customers_is_deleted_surname_key' },
  email: { sql: 'email_sort', index: 'ix_customers_is_deleted_email_sort' },
  createdAt: { sql: 'created_at', index: 'ix_customers_is_deleted_created_at' },
  lastModifiedAt: { sql: 'last_modified_at', index: 'ix_customers_is_deleted_last_modified_at' },
};

export function customerFilter(dialect: Dialect, query: ListCustomersQuery): Filter {
  return commonConditions(
    dialect,
    { name: 'customers', words: 'customer_words', createdAt: 'created_at', modifiedAt: 'last_modified_at' },
    query,
    (conditions) => {
      const { deleted, phone, company, hasPhoto } = query;
      if (deleted) conditions.add({ sql: 'erased_at IS NULL', values: [] });
      conditions.equals('phone', phone, 'ix_customers_is_deleted_phone');
      const companyKey = company === undefined ? undefined : keyOf(company);
      conditions.equals('company_key', companyKey, 'ix_customers_is_deleted_company_key');
      if (hasPhoto !== undefined) conditions.equals('has_photo', hasPhoto ? 1 : 0, 'ix_customers_is_deleted_has_photo');
    },
  );
}
