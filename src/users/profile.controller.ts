import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, ApiIfMatch, ApiIfNoneMatch } from '../http/route-decorators.js';
import { Context, type RequestContext } from '../http/request-context.js';
import { UpdateProfileDto, UserDto } from './user.dto.js';
import { UsersService } from './users.service.js';

@ApiTags('Me')
@Controller('me')
export class ProfileController {
  constructor(private readonly users: UsersService) {}

  /** Read your own profile */
  @Get()
  @Allow('user')
  @ApiIfNoneMatch()
  get(@Context() { by }: RequestContext): Promise<UserDto> {
    return this.users.get(by);
  }

  /** Change your own name or surname (merge patch, RFC 7396) */
  @Patch()
  @Allow('user')
  @ApiIfMatch()
  update(@Context() context: RequestContext, @Body() changes: UpdateProfileDto): Promise<UserDto> {
    return this.users.update(context, context.by, changes);
  }
}
