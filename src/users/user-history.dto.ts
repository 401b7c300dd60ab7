import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { USER_ACTIONS, type UserAction } from '../history/actions.js';
import { BeforeAndAfter, type HistoryEntry, HistoryEntryDto, type Pair } from '../history/history.dto.js';
import { PageDto } from '../lists/page.dto.js';
import { type Provider, PROVIDERS } from './identity.entity.js';
import { providersIn, type Role, ROLES } from './user.dto.js';

@ApiSchema({ description: 'For each changed field of a user, the value before and the value after.' })
export class UserChangesDto {
  @BeforeAndAfter('E-mail.')
  email?: Pair<string>;

  @BeforeAndAfter('Name.')
  name?: Pair<string>;

  @BeforeAndAfter('Surname.')
  surname?: Pair<string>;

  @BeforeAndAfter('Role.', { type: ['string', 'null'], enum: [...ROLES, null] })
  role?: Pair<Role>;

  @BeforeAndAfter('Id of the user who granted the admin role.', { type: ['integer', 'null'] })
  roleGrantedBy?: Pair<number>;

  @BeforeAndAfter('Whether the user has a password.', { type: ['boolean', 'null'] })
  hasPassword?: Pair<boolean>;

  @BeforeAndAfter('Providers with a linked account.', {
    type: ['array', 'null'],
    items: { type: 'string', enum: PROVIDERS },
  })
  identities?: Pair<Provider[]>;

  @BeforeAndAfter('Time of deletion.', { type: ['string', 'null'], format: 'date-time' })
  deletedAt?: Pair<string>;
}

@ApiSchema({ description: 'A change of a user.' })
export class UserHistoryEntryDto extends HistoryEntryDto {
  /** What the change was. */
  @ApiProperty({ enum: USER_ACTIONS, enumName: 'UserAction', example: 'updated' })
  override action: UserAction;

  /** For each changed field, the value before and the value after. */
  @ApiProperty({ example: { surname: ['Nunez', 'Núñez'] } })
  override changes: UserChangesDto;

  /** The database stores the names of the providers as one string. */
  static from({ changes, ...entry }: HistoryEntry): UserHistoryEntryDto {
    const { identities } = changes;
    const typed = identities && { identities: identities.map(providersOrNull) };
    return { ...entry, changes: { ...changes, ...typed } } as UserHistoryEntryDto;
  }
}

const providersOrNull = (stored: unknown): Provider[] | null =>
  typeof stored === 'string' ? providersIn(stored) : null;

@ApiSchema({ description: 'A page of the changes of a user.' })
export class UserHistoryPageDto {
  /** The changes of this page. */
  data: UserHistoryEntryDto[];

  /** Where the list goes on. */
  page: PageDto;
}
