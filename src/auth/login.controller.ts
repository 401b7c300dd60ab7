import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { type Caller, type Client, ClientInfo, CurrentUser } from '../http/request-context.js';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { AuthService } from './auth.service.js';
import { LoginDto, RedeemPasswordTokenDto, RefreshDto, TokensDto } from './login.dto.js';

@Controller()
export class LoginController {
  constructor(private readonly auth: AuthService) {}

  /**
   * Sign in with a password
   *
   * Starts a session. Wrong passwords are answered more and more slowly.
   */
  @Post('login')
  @HttpCode(200)
  @Access('public')
  @RouteConfig({ waitsFor: 'sign-in delay' })
  @ApiProblems('invalid_credentials', 'too_many_requests', 'overloaded')
  signIn(@Body() login: LoginDto, @ClientInfo() client: Client): Promise<TokensDto> {
    return this.auth.signIn(login, client);
  }

  /**
   * Refresh the tokens
   *
   * Replaces both tokens. The refresh token works once; for 10 seconds a retry gets the same successor. A later
   * second use ends the session, as the token may be stolen.
   */
  @Post('login/refresh')
  @HttpCode(200)
  @Access('public')
  @ApiProblems('invalid_refresh_token')
  refreshTokens(@Body() { refreshToken }: RefreshDto): Promise<TokensDto> {
    return this.auth.refresh(refreshToken);
  }

  /**
   * Set a password with a token
   *
   * Redeems an invitation or a password reset. All sessions of the user end, and provider accounts are unlinked.
   */
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

  /**
   * Sign out
   *
   * Ends the session of this access token at once, on every instance.
   */
  @Post('logout')
  @HttpCode(204)
  @Access('user')
  signOut(@CurrentUser() caller: Caller): Promise<void> {
    return this.auth.signOut(caller);
  }
}
