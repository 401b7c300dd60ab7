import { type ArgumentsHost, Catch, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemFilter } from '../../problems/problem.filter.js';
import { recordProblem, toProblem } from '../../problems/send-problem.js';
import { LoginStates } from './login-states.js';
import { withParameter } from './oauth.service.js';
import { providerOf } from './provider.guard.js';

/** A frontend that waits for its user learns what went wrong; whoever waits for tokens gets the problem itself. */
@Catch()
@Injectable()
export class ReturnToFilter extends ProblemFilter {
  constructor(private readonly states: LoginStates) {
    super();
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    const [request, reply] = [host.getArgByIndex<FastifyRequest>(0), host.getArgByIndex<FastifyReply>(1)];
    const returnTo = this.states.verify(request, providerOf(request))?.content.returnTo;
    if (returnTo === undefined) return super.catch(error, host);
    const problem = toProblem(error);
    recordProblem(problem, error, request);
    void reply.redirect(withParameter(returnTo, 'error', problem.code), 302);
  }
}
