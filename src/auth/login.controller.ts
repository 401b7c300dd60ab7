import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { type Caller, type Client, ClientInfo, CurrentUser } from '../http/request-context.js';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { AuthService } from './auth.service.js';
import { LoginDto, RedeemPasswordTokenDto, RefreshDto, TokensDto } from './login.dto.js';

@Controller()
export class LoginController {
  constructor(private readonly auth: AuthService) {}

  /** Sign in with a password */
  @Post('login')
  @HttpCode(200)
  @Access('public')
  @RouteConfig({ waitsFor: 'sign-in delay' })
  @ApiProblems('invalid_credentials', 'too_many_requests', 'overloaded')
  signIn(@Body() login: LoginDto, @ClientInfo() client: Client): Promise<TokensDto> {
    return this.auth.signIn(login, client);
  }

  /** Get new tokens; the refresh token is replaced, and using one twice ends the session */
  @Post('login/refresh')
  @HttpCode(200)
  @Access('public')
  @ApiProblems('invalid_refresh_token')
  refreshTokens(@Body() { refreshToken }: RefreshDto): Promise<TokensDto> {
    return this.auth.refresh(refreshToken);
  }

  /** Set a password with the token of an invitation or a reset; ends all sessions and unlinks provider accounts */
  @Post('login/password')
  @HttpCode(204)
  @Access('public')
  @ApiProblems('invalid_password_token', 'overloaded')
  redeemPasswordToken(
    @Body() { token, newPassword }: RedeemPasswordTokenDto,
    @ClientInfo() { requestId }: Client,
  ): Promise<void> {
    return this.auth.redeem(requestId, token, newPassword);
  }

  /** Sign out; the session ends at once */
  @Post('logout')
  @HttpCode(204)
  @Access('user')
  signOut(@CurrentUser() caller: Caller): Promise<void> {
    return this.auth.signOut(caller);
  }
}
