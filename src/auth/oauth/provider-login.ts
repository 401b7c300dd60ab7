import { Get, Headers, Inject, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Client, ClientInfo } from '../../http/request-context.js';
import { Access, ApiProblems, OpenQuery } from '../../http/route-decorators.js';
import { TokensDto } from '../login.dto.js';
import { ProviderUriDto, StartLoginQuery } from './oauth.dto.js';
import { OAuthService } from './oauth.service.js';
import {
  type AuthorizationResult,
  type AuthorizationStarted,
  ProviderGuard,
  ProviderResult,
} from './provider.guard.js';
import { ReturnToFilter } from './return-to.filter.js';

const LOCATION = { Location: { description: 'Where the browser is sent.', schema: { type: 'string' } } } as const;

/** The routes of every provider, which has a path of its own: addresses registered there are kept word by word. */
export abstract class ProviderLogin {
  @Inject(OAuthService) private readonly login: OAuthService;

  @Get()
  @Access('public')
  @UseGuards(ProviderGuard)
  @ApiOperation({
    summary: 'Sign in with this provider: send the browser here',
    description: 'With `Accept: application/json` the answer has the address, to which you send the browser yourself.',
  })
  @ApiResponse({ status: 200, type: ProviderUriDto })
  @ApiResponse({ status: 302, description: 'To the provider.', headers: LOCATION })
  @ApiProblems('provider_not_configured', 'provider_unavailable')
  async start(
    @Query() _query: StartLoginQuery,
    @ProviderResult() { uri }: AuthorizationStarted,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await (isJson(accept) ? reply.send({ uri }) : reply.redirect(uri, 302));
  }

  @Get('callback')
  @Access('public')
  @UseGuards(ProviderGuard)
  @UseFilters(ReturnToFilter)
  @OpenQuery()
  @ApiOperation({
    summary: 'Where the provider sends the browser back to; this address is registered there',
    description: 'It works once, within ten minutes of the start, in the browser that has its cookie.',
  })
  @ApiQuery({ name: 'code', required: false, description: 'Of the provider.' })
  @ApiQuery({ name: 'state', required: false, description: 'Of the start.' })
  @ApiQuery({ name: 'error', required: false, description: 'Instead of a code.' })
  @ApiResponse({ status: 200, type: TokensDto })
  @ApiResponse({
    status: 302,
    description:
      'To `returnTo`, with `?code=`, or with `?error=` and the code of the problem that it would be without it.',
    headers: LOCATION,
  })
  @ApiProblems('invalid_login_state', 'provider_login_failed', 'login_refused', 'not_registered')
  @ApiProblems('identity_taken', 'provider_linked', 'provider_not_configured', 'provider_unavailable')
  async callback(
    @ProviderResult() { account, state }: AuthorizationResult,
    @ClientInfo() client: Client,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const completed = await this.login.complete(account, state, client);
    await (typeof completed === 'string' ? reply.redirect(completed, 302) : reply.send(completed));
  }
}

/** Browsers that follow a link ask for HTML. */
const isJson = (accept = ''): boolean => accept.includes('application/json') && !accept.includes('text/html');
