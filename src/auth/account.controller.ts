import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import {
  type Caller,
  type Client,
  ClientInfo,
  Context,
  CurrentUser,
  IfMatch,
  type RequestContext,
} from '../http/request-context.js';
import { Access, ApiIfMatch, ApiProblems } from '../http/route-decorators.js';
import { PageQuery } from '../lists/list.query.js';
import { ChangePasswordDto } from '../users/user.dto.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { AuthService } from './auth.service.js';
import { SessionPageDto } from './session.dto.js';

@ApiTags('Me')
@Controller('me')
export class AccountController {
  constructor(private readonly auth: AuthService) {}

  /**
   * Change your password
   *
   * All your other sessions end.
   */
  @Put('password')
  @HttpCode(204)
  @Access('user')
  @RouteConfig({ waitsFor: 'sign-in delay' })
  @ApiIfMatch()
  @ApiProblems('wrong_password', 'too_many_requests', 'overloaded')
  changePassword(
    @Context() context: RequestContext,
    @CurrentUser() caller: Caller,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @ClientInfo() client: Client,
    @Body() passwords: ChangePasswordDto,
  ): Promise<void> {
    return this.auth.changePassword(context, caller, client, passwords, expectedVersion);
  }

  /**
   * List your sessions
   *
   * Newest first. A user has at most 100 sessions.
   */
  @Get('sessions')
  @Access('user')
  listSessions(@CurrentUser() caller: Caller, @Query() query: PageQuery): Promise<SessionPageDto> {
    return this.auth.listSessions(caller, query);
  }

  /**
   * End one of your sessions
   *
   * Signs out the client that uses the session, at once.
   */
  @Delete('sessions/:id')
  @HttpCode(204)
  @Access('user')
  @ApiProblems('session_not_found')
  endSession(@CurrentUser() caller: Caller, @Param('id', IdPipe) id: number): Promise<void> {
    return this.auth.endSession(caller, id);
  }
}
