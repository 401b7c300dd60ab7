import { createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { AuthGuard, type IAuthModuleOptions } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import passport, { Strategy } from 'passport';
import type OAuth2Strategy from 'passport-oauth2';
import { addressOf } from '../../http/forwarded.js';
import { Problem } from '../../problems/problem.js';
import type { ProviderAccount } from '../../users/identities.service.js';
import { readBrowserId, setBrowserId } from './login-cookie.js';
import type { LoginState } from './login-state.js';
import { OAuthService, type ProviderRequest } from './oauth.service.js';
import { toProviderProblem } from './provider-errors.js';
import { ProviderLimits } from './provider-limits.js';

/** The guard's result at a start: the address of the provider. */
export interface AuthorizationStarted {
  uri: string;
}

/** The guard's result at a callback: the account that the provider has verified. */
export interface AuthorizationResult {
  account: ProviderAccount;
  state: LoginState;
}

/** Handler parameter: the guard's result. */
export const ProviderResult = createParamDecorator(
  (_: unknown, execution: ExecutionContext) =>
    execution.switchToHttp().getRequest<{ user: AuthorizationStarted | AuthorizationResult }>().user,
);

/**
 * Delegates to the strategy in the options. passport registers strategies by name for the whole process, but ours are
 * created for each request. It never responds itself: redirects and errors are left to the handler and the filters.
 */
class DelegatingStrategy extends Strategy {
  override authenticate(request: object, { strategy }: { strategy: OAuth2Strategy }): void {
    strategy.redirect = (uri: string) => this.success({ uri });
    strategy.success = (account: unknown, { state }: { state?: unknown } = {}) => this.success({ account, state });
    strategy.fail = () => this.error(new Problem('login_refused'));
    strategy.error = (error: unknown) => this.error(toProviderProblem(error));
    strategy.authenticate(request as never, {});
  }
}
passport.use('provider', new DelegatingStrategy() as never);

/** Runs the strategy of Google or Facebook before the handler: at a start, or on a route that ends in `/callback`. */
@Injectable()
export class ProviderGuard extends AuthGuard('provider') {
  constructor(
    private readonly oauth: OAuthService,
    private readonly limits: ProviderLimits,
  ) {
    super();
  }

  override canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const providerRequest = readProviderRequest(request);
    const activate = (): Promise<boolean> => Promise.resolve(super.canActivate(context) as Promise<boolean>);
    return isCallback(request) && this.oauth.canComplete(providerRequest)
      ? this.limits.runCallback(providerRequest.provider, addressOf(request), activate)
      : this.limits.run(providerRequest.provider, activate);
  }

  override async getAuthenticateOptions(context: ExecutionContext): Promise<IAuthModuleOptions> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const providerRequest = readProviderRequest(request);
    if (isCallback(request)) return { session: false, strategy: await this.oauth.resume(providerRequest) };
    const { strategy, browserId } = await this.oauth.begin(providerRequest, request.caller);
    setBrowserId(request, context.switchToHttp().getResponse<FastifyReply>(), browserId);
    return { session: false, strategy };
  }
}

/** The provider is a parameter of the route, or a part of its path. */
export function readProviderRequest(request: FastifyRequest): ProviderRequest {
  const { provider = request.routeOptions.url!.split('/')[2]! } = request.params as { provider?: string };
  return { provider, origin: request.publicOrigin, query: request.query, browserId: readBrowserId(request) };
}

export const isCallback = (request: FastifyRequest): boolean => request.routeOptions.url!.endsWith('/callback');
