import { type ArgumentsHost, Catch, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expectsJson } from '../../http/accept.js';
import { RequestErrorsFilter } from '../../openapi/request-errors.filter.js';
import type { ProblemCode } from '../../problems/catalog.js';
import { recordProblem, toProblem } from '../../problems/send-problem.js';
import { OAuthService } from './oauth.service.js';
import { isCallback, readProviderRequest } from './provider.guard.js';

/** A start fails with these for no fault of the frontend; it can offer another way to sign in. */
const PROVIDER_PROBLEMS: ProblemCode[] = ['provider_not_configured', 'provider_unavailable', 'overloaded'];

/** Reports a failed sign-in to the frontend that started it, or as a problem document when there is no frontend. */
@Catch()
@Injectable()
export class ReturnToFilter extends RequestErrorsFilter {
  constructor(private readonly oauth: OAuthService) {
    super();
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    const [request, reply] = [host.getArgByIndex<FastifyRequest>(0), host.getArgByIndex<FastifyReply>(1)];
    const problem = toProblem(error);
    const location = this.findRedirect(request, problem.code);
    if (location === undefined) return super.catch(error, host);
    recordProblem(problem, error, request);
    void reply.redirect(location, 302);
  }

  private findRedirect(request: FastifyRequest, code: ProblemCode): string | undefined {
    const providerRequest = readProviderRequest(request);
    if (isCallback(request)) return this.oauth.findErrorRedirect(providerRequest, code);
    // a script reads the problem itself
    if (expectsJson(request.headers.accept) || !PROVIDER_PROBLEMS.includes(code)) return undefined;
    return this.oauth.findStartErrorRedirect(providerRequest, code);
  }
}
