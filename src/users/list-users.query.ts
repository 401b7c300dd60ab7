import { ListQuery } from '../lists/list.query.js';
import { IsOneOf, OptionalNotNull } from '../validation/fields.js';
import { type Role, ROLES } from './user.dto.js';

export class ListUsersQuery extends ListQuery {
  /** Only users with this role. */
  @OptionalNotNull()
  @IsOneOf(...ROLES)
  role?: Role;
}
