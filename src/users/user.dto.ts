import { ApiProperty, OmitType, PartialType } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import { CurrentPassword, Email, IsOneOf, Name, NewPassword, OptionalNotNull } from '../validation/fields.js';
import { deletedAtOf } from '../writes/resource.js';
import { type Provider, PROVIDERS } from './identity.entity.js';
import type { User } from './user.entity.js';

export const ROLES = ['user', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleOf = ({ isAdmin }: Pick<User, 'isAdmin'>): Role => (isAdmin ? 'admin' : 'user');

export const providersOf = ({ linkedProviders }: Pick<User, 'linkedProviders'>): Provider[] =>
  linkedProviders.split(',').filter((name): name is Provider => PROVIDERS.includes(name as Provider));

export class CreateUserDto {
  /** Used to sign in. Unique among users that are not deleted; trimmed and lower-cased. */
  @Email()
  email: string;

  /** @example 'Carla' */
  @Name(120)
  name: string;

  /** @example 'Núñez' */
  @Name(120)
  surname: string;

  /** Admins manage users. Default: `user`. */
  @OptionalNotNull()
  @IsOneOf(...ROLES)
  role?: Role;

  /** Without a password, the response contains an invitation with which the user sets one. */
  @OptionalNotNull()
  @NewPassword()
  password?: string;
}

/** The fields of a user that an admin can change; the role has a route of its own. */
export class UpdateUserDto extends PartialType(OmitType(CreateUserDto, ['role', 'password'] as const), {
  skipNullProperties: false,
}) {}

/** The fields that users can change in their own profile. */
export class UpdateProfileDto extends PartialType(OmitType(UpdateUserDto, ['email'] as const), {
  skipNullProperties: false,
}) {}

export class SetRoleDto {
  @IsOneOf(...ROLES)
  role: Role;
}

export class UserDto {
  /** @example 7 */
  id: number;

  /** Null for some users of the previous service, who cannot sign in. */
  email: string | null;

  /** @example 'Carla' */
  name: string;

  /** @example 'Núñez' */
  surname: string;

  @ApiProperty({ enum: ROLES })
  role: Role;

  /** Id of the user who granted the admin role; null for users without it and for the first admin. */
  roleGrantedBy: number | null;

  /** Whether the user can sign in with a password. */
  hasPassword: boolean;

  /** Providers with a linked account: `google`, `facebook`. */
  @ApiProperty({ type: [String], enum: PROVIDERS, example: ['google'] })
  identities: Provider[];

  createdBy: number | null;
  lastModifiedBy: number | null;

  /** Null if the previous service did not record it. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  createdAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastModifiedAt: string | null;

  /** Incremented by every change; the ETag contains it. */
  version: number;

  /** Null unless deleted. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  deletedAt: string | null;

  static from(user: User): UserDto {
    return {
      id: user.id,
      email: user.email,
      name: user.name,
      surname: user.surname,
      role: roleOf(user),
      roleGrantedBy: user.roleGrantedBy,
      hasPassword: user.passwordHash !== null,
      identities: providersOf(user),
      createdBy: user.createdBy,
      lastModifiedBy: user.lastModifiedBy,
      createdAt: user.createdAt?.toISOString() ?? null,
      lastModifiedAt: user.lastModifiedAt?.toISOString() ?? null,
      version: user.version,
      deletedAt: deletedAtOf(user)?.toISOString() ?? null,
    };
  }
}

export class ChangePasswordDto {
  @CurrentPassword()
  currentPassword: string;

  @NewPassword()
  newPassword: string;
}

/** A single-use token for setting a password. Only this response contains it: hand it over in private. */
export class PasswordTokenDto {
  /** @example 'kQ3n2jS8cQd1pV0r0F2l6v9eY7x5Tg1mB4hZ8uWqLsA' */
  token: string;

  @ApiProperty({ format: 'date-time' })
  expiresAt: string;
}

export class CreatedUserDto extends UserDto {
  /** Only for a user without a password, who redeems it with POST /login/password. */
  invitation?: PasswordTokenDto;
}

export class UserPageDto {
  data: UserDto[];
  page: PageDto;
}
