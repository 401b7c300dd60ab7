import { Controller, Delete, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiParam, ApiTags } from '@nestjs/swagger';
import { Context, IfMatch, type RequestContext } from '../../http/request-context.js';
import { Access, ApiIfMatch, ApiProblems } from '../../http/route-decorators.js';
import { IdentitiesService } from '../../users/identities.service.js';
import { type Provider, PROVIDERS } from '../../users/identity.entity.js';
import { ProviderPipe } from '../../users/provider.pipe.js';
import type { VersionCondition } from '../../writes/version-condition.js';
import { ProviderUriDto, ReauthenticationDto, StartLoginQuery } from './oauth.dto.js';
import { type AuthorizationStarted, ProviderGuard, ProviderResult } from './provider.guard.js';
import { ReauthenticationGuard } from './reauthentication.guard.js';

@ApiTags('Me')
@ApiParam({ name: 'provider', enum: PROVIDERS, description: 'The provider of the account.', example: 'google' })
@Controller('me/identities/:provider')
export class IdentitiesController {
  constructor(private readonly identities: IdentitiesService) {}

  /**
   * Start linking a provider account
   *
   * Send the browser to `uri`. Linking ends like a sign-in: with the tokens of a new session, or a one-time code for them.
   * From then on you can sign in with this account. A password reset unlinks it, and an admin can.
   */
  @Post()
  @HttpCode(200)
  @Access('user')
  @RouteConfig({ waitsFor: 'provider' })
  @UseGuards(ReauthenticationGuard, ProviderGuard)
  @ApiBody({ type: ReauthenticationDto, required: false })
  @ApiProblems('reauthentication_required', 'too_many_requests')
  @ApiProblems('not_found', 'provider_not_configured', 'provider_unavailable')
  linkIdentity(@Query() _query: StartLoginQuery, @ProviderResult() { uri }: AuthorizationStarted): ProviderUriDto {
    return { uri };
  }

  /**
   * Unlink a provider account
   *
   * You can link it again. The last way to sign in cannot be unlinked.
   */
  @Delete()
  @HttpCode(204)
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('identity_not_found', 'last_sign_in')
  unlinkIdentity(
    @Context() context: RequestContext,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @Param('provider', ProviderPipe) provider: Provider,
  ): Promise<void> {
    return this.identities.unlinkOwn(context, context.actorId, provider, expectedVersion);
  }
}
