import { Body, Controller, Headers, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { expectsJson } from '../../http/accept.js';
import { type Client, ClientInfo } from '../../http/request-context.js';
import { Access, ApiProblems } from '../../http/route-decorators.js';
import { TokensDto } from '../login.dto.js';
import { ExchangeCodeDto, StartLoginQuery } from './oauth.dto.js';
import { OAuthService } from './oauth.service.js';
import { CallbackRoute, StartRoute } from './oauth-routes.js';
import { type AuthorizationResult, type AuthorizationStarted, ProviderResult } from './provider.guard.js';

@ApiTags('Login')
@Controller('login')
export class OAuthController {
  constructor(private readonly oauth: OAuthService) {}

  @StartRoute('google')
  startGoogleSignIn(
    @Query() _query: StartLoginQuery,
    @ProviderResult() started: AuthorizationStarted,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendStarted(started, accept, reply);
  }

  @CallbackRoute('google')
  completeGoogleSignIn(
    @ProviderResult() result: AuthorizationResult,
    @ClientInfo() client: Client,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.complete(result, client, reply);
  }

  @StartRoute('facebook')
  startFacebookSignIn(
    @Query() _query: StartLoginQuery,
    @ProviderResult() started: AuthorizationStarted,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendStarted(started, accept, reply);
  }

  @CallbackRoute('facebook')
  completeFacebookSignIn(
    @ProviderResult() result: AuthorizationResult,
    @ClientInfo() client: Client,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.complete(result, client, reply);
  }

  @Post('exchange')
  @HttpCode(200)
  @Access('public')
  @ApiOperation({
    summary: 'Exchange a one-time code for tokens',
    description: "The code is in your frontend's address after a provider sign-in. It lives 60 seconds and works once.",
  })
  @ApiProblems('invalid_login_code')
  exchangeLoginCode(@Body() code: ExchangeCodeDto, @ClientInfo() client: Client): Promise<TokensDto> {
    return this.oauth.exchange(code, client);
  }

  private async complete({ account, state }: AuthorizationResult, client: Client, reply: FastifyReply): Promise<void> {
    const completed = await this.oauth.complete(account, state, client);
    await (typeof completed === 'string' ? reply.redirect(completed, 302) : reply.send(completed));
  }
}

async function sendStarted(
  { uri }: AuthorizationStarted,
  accept: string | undefined,
  reply: FastifyReply,
): Promise<void> {
  await (expectsJson(accept) ? reply.send({ uri }) : reply.redirect(uri, 302));
}
