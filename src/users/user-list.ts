import type { Dialect } from '../database/dialect.js';
import { commonConditions } from '../lists/common-conditions.js';
import type { Filter } from '../lists/filter.js';
import type { ListUsersQuery } from './list-users.query.js';
import { USER_SORTS } from './user-sorts.js';

export function userFilter(dialect: Dialect, query: ListUsersQuery): Filter {
  return commonConditions(dialect, { name: 'users', words: 'user_words', sorts: USER_SORTS }, query, (conditions) => {
    if (query.role === 'admin') conditions.equals('admin', 1, 'ix_users_is_deleted_admin');
    // the Flask service left null where it meant false
    if (query.role === 'user') conditions.matches('(admin = 0 OR admin IS NULL)', [], 'ix_users_is_deleted_admin');
  });
}
