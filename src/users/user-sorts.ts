import type { Sorts } from '../lists/sort-key.js';

export const USER_SORTS: Sorts = {
  id: { sql: 'id', index: 'ix_users_is_deleted' },
  name: { sql: 'name_key', index: 'ix_users_is_deleted_name_key' },
  surname: { sql: 'surname_key', index: 'ix_users_is_deleted_surname_key' },
  email: { sql: 'email_sort', index: 'ix_users_is_deleted_email_sort' },
  createdAt: { sql: 'created_sort', index: 'ix_users_is_deleted_created_sort' },
  lastModifiedAt: { sql: 'modified_sort', index: 'ix_users_is_deleted_modified_sort' },
};
