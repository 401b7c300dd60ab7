import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { Context, IfMatch, type RequestContext } from '../http/request-context.js';
import { Access, ApiIdempotencyKey, ApiIfMatch, ApiIfNoneMatch, ApiProblems } from '../http/route-decorators.js';
import { PageQuery } from '../lists/list.query.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { CredentialsService } from './credentials.service.js';
import { IdentitiesService } from './identities.service.js';
import { type Provider, PROVIDERS } from './identity.entity.js';
import { ListUsersQuery } from './list-users.query.js';
import { ProviderPipe } from './provider.pipe.js';
import {
  CreatedUserDto,
  CreateUserDto,
  PasswordTokenDto,
  SetRoleDto,
  UpdateUserDto,
  UserDto,
  UserPageDto,
} from './user.dto.js';
import { UserHistoryPageDto } from './user-history.dto.js';
import { UsersService } from './users.service.js';

@Controller('users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly credentials: CredentialsService,
    private readonly identities: IdentitiesService,
  ) {}

  /**
   * List users
   *
   * Newest first by default. All filters must match.
   */
  @Get()
  @Access('admin')
  listUsers(@Query() query: ListUsersQuery): Promise<UserPageDto> {
    return this.users.list(query);
  }

  /**
   * Create a user
   *
   * Without a password, the response contains an invitation with which the user sets one.
   */
  @Post()
  @Access('admin')
  @ApiIdempotencyKey()
  @ApiProblems('email_taken', 'overloaded')
  createUser(@Context() context: RequestContext, @Body() user: CreateUserDto): Promise<CreatedUserDto> {
    return this.users.create(context, user);
  }

  /**
   * Get a user
   *
   * The ETag of the response is for If-Match.
   */
  @Get(':id')
  @Access('admin')
  @ApiIfNoneMatch()
  @ApiProblems('user_not_found')
  getUser(@Param('id', IdPipe) id: number): Promise<UserDto> {
    return this.users.get(id);
  }

  /**
   * Change a user
   *
   * A merge patch (RFC 7396): members that are left out stay as they are. A new e-mail ends an invitation or a
   * password reset.
   */
  @Patch(':id')
  @Access('admin')
  @ApiIfMatch()
  @ApiProblems('user_not_found', 'email_taken')
  updateUser(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
    @Body() changes: UpdateUserDto,
  ): Promise<UserDto> {
    return this.users.update(context, id, changes, expectedVersion);
  }

  /**
   * Delete a user
   *
   * All sessions of the user end at once. The user can be restored.
   */
  @Delete(':id')
  @HttpCode(204)
  @Access('admin')
  @ApiIfMatch()
  @ApiProblems('user_not_found', 'last_admin')
  deleteUser(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
  ): Promise<void> {
    return this.users.remove(context, id, expectedVersion);
  }

  /**
   * Restore a deleted user
   *
   * Changes nothing if the user is not deleted.
   */
  @Post(':id/restore')
  @HttpCode(200)
  @Access('admin')
  @ApiIfMatch()
  @ApiProblems('user_not_found', 'email_taken')
  restoreUser(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
  ): Promise<UserDto> {
    return this.users.restore(context, id, expectedVersion);
  }

  /**
   * List the history of a user
   *
   * Newest first, also of deleted users.
   */
  @Get(':id/history')
  @Access('admin')
  @ApiProblems('user_not_found')
  listUserHistory(@Param('id', IdPipe) id: number, @Query() query: PageQuery): Promise<UserHistoryPageDto> {
    return this.users.listHistory(id, query);
  }

  /**
   * Set the role of a user
   *
   * Revoking the admin role ends the sessions of the user. The last admin cannot lose it.
   */
  @Put(':id/role')
  @Access('admin')
  @ApiIfMatch()
  @ApiProblems('user_not_found', 'last_admin')
  setUserRole(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
    @Body() { role }: SetRoleDto,
  ): Promise<UserDto> {
    return this.users.setRole(context, id, role, expectedVersion);
  }

  /**
   * Create a password reset
   *
   * The response contains a token with which the user sets a new password. It replaces an earlier one.
   */
  @Post(':id/password-reset')
  @Access('admin')
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiProblems('user_not_found')
  resetUserPassword(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
  ): Promise<PasswordTokenDto> {
    return this.credentials.issueReset(context, id, expectedVersion);
  }

  /**
   * Sign a user out everywhere
   *
   * Ends all sessions at once, and an invitation or a password reset that was not redeemed.
   */
  @Delete(':id/sessions')
  @HttpCode(204)
  @Access('admin')
  @ApiIfMatch()
  @ApiProblems('user_not_found')
  endUserSessions(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
  ): Promise<void> {
    return this.users.endSessions(context, id, expectedVersion);
  }

  /**
   * Unlink a provider account of a user
   *
   * The sessions of the user stay.
   */
  @Delete(':id/identities/:provider')
  @HttpCode(204)
  @Access('admin')
  @ApiParam({ name: 'provider', enum: PROVIDERS, description: 'The provider of the account.', example: 'google' })
  @ApiIfMatch()
  @ApiProblems('user_not_found', 'identity_not_found', 'last_admin')
  unlinkUserIdentity(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('id', IdPipe) id: number,
    @Param('provider', ProviderPipe) provider: Provider,
  ): Promise<void> {
    return this.identities.unlinkAsAdmin(context, id, provider, expectedVersion);
  }
}
