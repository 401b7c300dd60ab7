import { applyDecorators, Get, UseFilters, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { Access, ApiProblems, OpenQuery } from '../../http/route-decorators.js';
import { headerRefs } from '../../openapi/header-components.js';
import type { Provider } from '../../users/identity.entity.js';
import { TokensDto } from '../login.dto.js';
import { ProviderUriDto } from './oauth.dto.js';
import { ProviderGuard } from './provider.guard.js';
import { ReturnToFilter } from './return-to.filter.js';

const LOCATION = {
  Location: {
    description: 'Redirect target of the browser.',
    schema: { type: 'string', format: 'uri', example: 'https://app.example.org/signed-in?code=c2VhbGVk' },
  },
} as const;

const COOKIE = headerRefs('Set-Cookie') as never;

const NAMES: Record<Provider, string> = { google: 'Google', facebook: 'Facebook' };

/** The route that starts a sign-in. */
export const StartRoute = (provider: Provider): MethodDecorator =>
  applyDecorators(
    Get(provider),
    Access('public'),
    RouteConfig({ waitsFor: 'provider' }),
    UseGuards(ProviderGuard),
    UseFilters(ReturnToFilter),
    ApiOperation({
      summary: `Sign in with ${NAMES[provider]}`,
      description:
        'Redirects the browser to the provider. With `Accept: application/json` the response contains the address, so that a script can redirect. Otherwise a provider that is not available redirects the browser to `returnTo` with `?error=` and the code of the problem.',
    }),
    ApiResponse({ status: 200, type: ProviderUriDto, headers: COOKIE }),
    ApiResponse({
      status: 302,
      description: 'Redirect to the provider, or to `returnTo` with an error.',
      headers: { ...LOCATION, ...(COOKIE as object) },
    }),
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
      summary: `Complete a sign-in with ${NAMES[provider]}`,
      description:
        'Redirect target of the provider; this address is registered there. Works once, within ten minutes of the start, in the browser that has the cookie of the start.',
    }),
    ApiQuery({
      name: 'error',
      type: String,
      required: false,
      description: 'Error of the provider, instead of a code.',
    }),
    ApiQuery({ name: 'state', type: String, required: false, description: 'State of the start.' }),
    ApiQuery({ name: 'code', type: String, required: false, description: 'Authorization code of the provider.' }),
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
