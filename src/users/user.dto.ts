import { ApiProperty, ApiPropertyOptional, ApiSchema, OmitType, PartialType } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import { CurrentPassword, Email, IsOneOf, Name, NewPassword, OptionalNotNull } from '../validation/fields.js';
import { deletedAtOf } from '../writes/resource.js';
import { type Provider, PROVIDERS } from './identity.entity.js';
import type { User } from './user.entity.js';

export const ROLES = ['user', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleOf = ({ isAdmin }: Pick<User, 'isAdmin'>): Role => (isAdmin ? 'admin' : 'user');

export const providersIn = (names: string): Provider[] =>
  names.split(',').filter((name): name is Provider => PROVIDERS.includes(name as Provider));

export const providersOf = ({ linkedProviders }: Pick<User, 'linkedProviders'>): Provider[] =>
  providersIn(linkedProviders);

@ApiSchema({ description: 'A new user.' })
export class CreateUserDto {
  /**
   * Used to sign in. Unique among users that are not deleted. Trimmed and lower-cased; the domain may be internationalized (IDNA).
   * @example 'carla@example.org'
   */
  @Email()
  email: string;

  /**
   * Name of the user. Trimmed; all characters must be visible.
   * @example 'Carla'
   */
  @Name(120)
  name: string;

  /**
   * Surname of the user. Trimmed; all characters must be visible.
   * @example 'Núñez'
   */
  @Name(120)
  surname: string;

  /** Admins manage users. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: 'user', example: 'user' })
  @IsOneOf(...ROLES)
  role?: Role;

  /** Without it, the response contains an invitation. Not a common one, a sequence, a repetition, or the e-mail (NIST SP 800-63B). */
  @OptionalNotNull()
  @NewPassword()
  password?: string;
}

@ApiSchema({ description: 'The members of a user to change; the role has a route of its own.' })
export class UpdateUserDto extends PartialType(OmitType(CreateUserDto, ['role', 'password'] as const), {
  skipNullProperties: false,
}) {}

@ApiSchema({ description: 'The members of your profile to change.' })
export class UpdateProfileDto extends PartialType(OmitType(UpdateUserDto, ['email'] as const), {
  skipNullProperties: false,
}) {}

@ApiSchema({ description: 'The role of a user.' })
export class SetRoleDto {
  /**
   * Admins manage users.
   * @example 'admin'
   */
  @IsOneOf(...ROLES)
  role: Role;
}

@ApiSchema({ description: 'A user, who manages customers.' })
export class UserDto {
  /**
   * Id of the user.
   * @example 2
   */
  id: number;

  /**
   * E-mail of the user; null for some users of the previous service, who cannot sign in.
   * @example 'carla@example.org'
   */
  email: string | null;

  /**
   * Name of the user.
   * @example 'Carla'
   */
  name: string;

  /**
   * Surname of the user.
   * @example 'Núñez'
   */
  surname: string;

  /**
   * Admins manage users.
   * @example 'user'
   */
  @ApiProperty({ enum: ROLES })
  role: Role;

  /**
   * Id of the user who granted the admin role; null for users without it and for the first admin.
   * @example null
   */
  roleGrantedBy: number | null;

  /**
   * Whether the user can sign in with a password.
   * @example true
   */
  hasPassword: boolean;

  /** Providers with a linked account: `google`, `facebook`. */
  @ApiProperty({ type: [String], enum: PROVIDERS, example: ['google'] })
  identities: Provider[];

  /**
   * Id of the user who created this one; null for the service itself.
   * @example 1
   */
  createdBy: number | null;
  /**
   * Id of the user who last changed this one; null for the service itself.
   * @example 1
   */
  lastModifiedBy: number | null;

  /**
   * Time of creation; null if the previous service did not record it.
   * @example '2026-11-01T09:30:00.000Z'
   */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  createdAt: string | null;

  /**
   * Time of the last change; null if the previous service did not record it.
   * @example '2026-11-01T09:30:00.000Z'
   */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastModifiedAt: string | null;

  /**
   * Incremented by every change; the ETag contains it.
   * @example 1
   */
  version: number;

  /**
   * Time of deletion; null for an active user.
   * @example null
   */
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

@ApiSchema({ description: 'The current password and the new one.' })
export class ChangePasswordDto {
  /** Your current password, as typed. */
  @CurrentPassword()
  currentPassword: string;

  /** The new password. Not a common one, a sequence, a repetition, or your e-mail (NIST SP 800-63B). */
  @NewPassword()
  newPassword: string;
}

@ApiSchema({
  description: 'A single-use token for setting a password. Only this response contains it: hand it over in private.',
})
export class PasswordTokenDto {
  /**
   * For POST /login/password. Single use.
   * @example 'kQ3n2jS8cQd1pV0r0F2l6v9eY7x5Tg1mB4hZ8uWqLsA'
   */
  token: string;

  /**
   * When the token expires.
   * @example '2026-11-08T09:30:00.000Z'
   */
  @ApiProperty({ format: 'date-time' })
  expiresAt: string;
}

@ApiSchema({ description: 'The new user, with an invitation if there is no password.' })
export class CreatedUserDto extends UserDto {
  /** Only for a user without a password, who redeems it with POST /login/password. */
  invitation?: PasswordTokenDto;
}

@ApiSchema({ description: 'A page of users.' })
export class UserPageDto {
  /** The users of this page. */
  data: UserDto[];
  /** Where the list goes on. */
  page: PageDto;
}
