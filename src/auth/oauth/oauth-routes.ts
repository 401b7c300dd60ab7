import { applyDecorators, Get, UseFilters, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { Access, ApiProblems, OpenQuery } from '../../http/route-decorators.js';
import type { Provider } from '../../users/identity.entity.js';
import { TokensDto } from '../login.dto.js';
import { ProviderUriDto } from './oauth.dto.js';
import { ProviderGuard } from './provider.guard.js';
import { ReturnToFilter } from './return-to.filter.js';

const LOCATION = {
  Location: { description: 'Redirect target of the browser.', schema: { type: 'string' } },
} as const;

/** The route that starts a sign-in. */
export const StartRoute = (provider: Provider): MethodDecorator =>
  applyDecorators(
    Get(provider),
    Access('public'),
    RouteConfig({ waitsFor: 'provider' }),
    UseGuards(ProviderGuard),
    ApiOperation({
      summary: 'Sign in with this provider: redirects the browser to it',
      description: 'With `Accept: application/json` the response contains the address, so that a script can redirect.',
    }),
    ApiResponse({ status: 200, type: ProviderUriDto }),
    ApiResponse({ status: 302, description: 'Redirect to the provider.', headers: LOCATION }),
    ApiProblems('provider_not_configured', 'provider_unavailable'),
  );

/** The redirect address of a provider. It is registered there, so each provider has a path of its own. */
export const CallbackRoute = (provider: Provider): MethodDecorator =>
  applyDecorators(
    Get(`${provider}/callback`),
    Access('public'),
    RouteConfig({ waitsFor: 'provider' }),
    UseGuards(ProviderGuard),
    UseFilters(ReturnToFilter),
    OpenQuery(),
    ApiOperation({
      summary: 'Redirect target of the provider; this address is registered there',
      description: 'Works once, within ten minutes of the start, in the browser that has the cookie of the start.',
    }),
    ApiQuery({ name: 'error', required: false, description: 'Error of the provider, instead of a code.' }),
    ApiQuery({ name: 'state', required: false, description: 'State of the start.' }),
    ApiQuery({ name: 'code', required: false, description: 'Authorization code of the provider.' }),
    ApiResponse({ status: 200, type: TokensDto }),
    ApiResponse({
      status: 302,
      description:
        'Redirect to `returnTo`, with `?code=`, or with `?error=` and the code of the problem that the response would otherwise be.',
      headers: LOCATION,
    }),
    ApiProblems('invalid_login_state', 'provider_login_failed', 'login_refused', 'not_registered'),
    ApiProblems('identity_taken', 'provider_linked', 'provider_not_configured', 'provider_unavailable'),
    ApiProblems('too_many_requests'),
  );
