import { type ArgumentsHost, Catch, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemFilter } from '../../problems/problem.filter.js';
import { recordProblem, toProblem } from '../../problems/send-problem.js';
import { OAuthService } from './oauth.service.js';
import { readProviderRequest } from './provider.guard.js';

/** Reports a failed callback to the frontend that started it, or as a problem document when there is no frontend. */
@Catch()
@Injectable()
export class ReturnToFilter extends ProblemFilter {
  constructor(private readonly oauth: OAuthService) {
    super();
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    const [request, reply] = [host.getArgByIndex<FastifyRequest>(0), host.getArgByIndex<FastifyReply>(1)];
    const problem = toProblem(error);
    const location = this.oauth.findErrorRedirect(readProviderRequest(request), problem.code);
    if (location === undefined) return super.catch(error, host);
    recordProblem(problem, error, request);
    void reply.redirect(location, 302);
  }
}
