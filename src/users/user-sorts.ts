import { toSqlTime } from '../database/dialect.js';
import type { SortKey } from '../lists/key-paging.js';
import type { User } from './user.entity.js';

/** Rows of the Flask service may lack an e-mail or a date; they sort first. */
const EPOCH = '1970-01-01 00:00:00.000';

export const USER_SORTS: Record<string, SortKey> = {
  id: { sql: 'id', value: (user: User) => user.id },
  name: { sql: 'name', value: (user: User) => user.name },
  surname: { sql: 'surname', value: (user: User) => user.surname },
  email: { sql: `COALESCE(email, '')`, value: (user: User) => user.email ?? '' },
  createdAt: {
    sql: `COALESCE(created_at, '${EPOCH}')`,
    value: ({ createdAt }: User) => (createdAt ? toSqlTime(createdAt) : EPOCH),
  },
  lastModifiedAt: {
    sql: `COALESCE(modified_at, '${EPOCH}')`,
    value: ({ lastModifiedAt }: User) => (lastModifiedAt ? toSqlTime(lastModifiedAt) : EPOCH),
  },
};
