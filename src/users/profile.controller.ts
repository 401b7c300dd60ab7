import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, ApiIfMatch, ApiIfNoneMatch } from '../http/route-decorators.js';
import { Context, type RequestContext } from '../http/request-context.js';
import { UpdateProfileDto, UserDto } from './user.dto.js';
import { UsersService } from './users.service.js';

@ApiTags('Me')
@Controller('me')
export class ProfileController {
  constructor(private readonly users: UsersService) {}

  /** Read your own profile */
  @Get()
  @Access('user')
  @ApiIfNoneMatch()
  get(@Context() { actorId }: RequestContext): Promise<UserDto> {
    return this.users.get(actorId);
  }

  /** Change your own name or surname (merge patch, RFC 7396) */
  @Patch()
  @Access('user')
  @ApiIfMatch()
  update(@Context() context: RequestContext, @Body() changes: UpdateProfileDto): Promise<UserDto> {
    return this.users.update(context, context.actorId, changes);
  }
}
