import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Caller, Context, CurrentUser, IfMatch, type RequestContext } from '../http/request-context.js';
import { Access, ApiIfMatch, ApiIfNoneMatch } from '../http/route-decorators.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { UpdateProfileDto, UserDto } from './user.dto.js';
import { UsersService } from './users.service.js';

@ApiTags('Me')
@Controller('me')
export class ProfileController {
  constructor(private readonly users: UsersService) {}

  /**
   * Get your profile
   *
   * The user who is signed in.
   */
  @Get()
  @Access('user')
  @ApiIfNoneMatch()
  getProfile(@CurrentUser() { userId }: Caller): Promise<UserDto> {
    return this.users.get(userId);
  }

  /**
   * Change your profile
   *
   * A merge patch (RFC 7396) of your name and surname. Admins change the rest.
   */
  @Patch()
  @Access('user')
  @ApiIfMatch()
  updateProfile(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Body() changes: UpdateProfileDto,
  ): Promise<UserDto> {
    return this.users.update(context, context.actorId, changes, expectedVersion);
  }
}
