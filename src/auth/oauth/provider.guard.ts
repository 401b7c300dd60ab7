import { createParamDecorator, type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { AuthGuard, type IAuthModuleOptions } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import passport, { Strategy } from 'passport';
import type OAuth2Strategy from 'passport-oauth2';
import { toDatabaseProblem } from '../../problems/database-problem.js';
import { Problem } from '../../problems/problem.js';
import type { ProviderAccount } from '../../users/identities.service.js';
import type { Provider } from '../../users/identity.entity.js';
import { validateDto } from '../../validation/validate-dto.js';
import type { StateStore } from './login-provider.js';
import { LoginProviders } from './login-providers.js';
import { type LoginState, LoginStates } from './login-states.js';
import { StartLoginQuery } from './oauth.dto.js';
import { PROVIDER_TIMEOUT_MS } from './provider-fetch.js';

/** What comes of the guard at a start: where to send the browser. */
export interface AuthorizationStarted {
  uri: string;
}

/** What comes of it at the callback: who has signed in there. */
export interface AuthorizationResult {
  account: ProviderAccount;
  state: LoginState;
}

/** Handler parameter: what the guard found out. */
export const ProviderResult = createParamDecorator(
  (_: unknown, execution: ExecutionContext) =>
    execution.switchToHttp().getRequest<{ user: AuthorizationStarted | AuthorizationResult }>().user,
);

/**
 * Passport keeps strategies by name for the whole process. Ours are made for each request, as they depend on the address
 * that it came by; the one that passport knows hands over to them. It answers nothing by itself: that is the handler's.
 */
class PerRequest extends Strategy {
  override authenticate(request: object, { strategy }: { strategy: OAuth2Strategy }): void {
    strategy.redirect = (uri: string) => this.success({ uri });
    strategy.success = (account: unknown, { state }: { state?: unknown } = {}) => this.success({ account, state });
    strategy.fail = () => this.error(new Problem('login_refused'));
    strategy.error = (error: unknown) => this.error(problemOf(error));
    strategy.authenticate(request as never, {});
  }
}
passport.use('provider', new PerRequest() as never);

/** Walks the OAuth2 code flow (RFC 6749, with PKCE, RFC 7636): begins it, or completes it on a `callback`. */
@Injectable()
export class ProviderGuard extends AuthGuard('provider') {
  constructor(
    private readonly providers: LoginProviders,
    private readonly states: LoginStates,
  ) {
    super();
  }

  override async getAuthenticateOptions(context: ExecutionContext): Promise<IAuthModuleOptions> {
    const http = context.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    const provider = this.providers.get(providerOf(request));
    const origin = request.publicOrigin;
    if (!origin) throw new Problem('malformed_request', 'The Host header is not an address.');
    const strategy = await provider.strategy({
      callbackUrl: `${origin}/login/${provider.name}/callback`,
      store: isCallback(request)
        ? this.returning(request, provider.name)
        : await this.starting(request, reply, provider.name),
      signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
    });
    return { session: false, strategy };
  }

  private returning(request: FastifyRequest, provider: Provider): StateStore {
    const { code, error, error_code } = request.query as Record<string, unknown>;
    // passport would take it for a start
    if (!code && !error && !error_code) throw new Problem('invalid_login_state');
    return this.states.returning(request, provider);
  }

  private async starting(request: FastifyRequest, reply: FastifyReply, provider: Provider): Promise<StateStore> {
    const query = await validateDto(StartLoginQuery, request.query, 'query');
    this.providers.checkReturn(query);
    const { caller } = request;
    const link = caller && { userId: caller.userId, sessionId: caller.sessionId };
    return this.states.starting(request, reply, { ...query, provider, link });
  }
}

/** From the route, or its parameter. */
export function providerOf(request: FastifyRequest): Provider {
  const { provider } = request.params as { provider?: string };
  return (provider ?? request.routeOptions.url!.split('/')[2]) as Provider;
}

const isCallback = (request: FastifyRequest): boolean => request.routeOptions.url!.endsWith('/callback');

const logger = new Logger('Providers');

/** Of passport's strategies. What they say is the provider's, or that of whoever made up the address. */
const UNTRUSTED_ERRORS = /^(InternalOAuth|(Facebook)?(Authorization|Token|GraphAPI))Error$/;

/** passport-oauth2 wraps what happened while it asked; the rest is the provider's refusal, or what jose refuses. */
function problemOf(error: unknown): Problem {
  const { oauthError, name = '', code } = error as { oauthError?: unknown; name?: string; code?: unknown };
  if (error instanceof Problem) return error;
  if (oauthError instanceof Problem) return oauthError;
  if (name.endsWith('AuthorizationError')) return new Problem('login_refused');
  const known = UNTRUSTED_ERRORS.test(name) ? undefined : toDatabaseProblem(error);
  if (known) return known;
  // `invalid_client` is for the operator; what else the provider says may be anything
  const reason = typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : undefined;
  logger.warn({ message: 'provider_login_failed', error: name, reason });
  return new Problem('provider_login_failed');
}
