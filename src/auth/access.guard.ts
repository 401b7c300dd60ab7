import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../http/request-context.js';
import { ACCESS, type AccessLevel } from '../http/route-decorators.js';
import { Problem } from '../problems/problem.js';
import { AuthService } from './auth.service.js';

/** RFC 6750, 2.1 */
export const bearerTokenOf = ({ headers }: FastifyRequest): string | undefined =>
  /^Bearer ([\w.~+/-]+=*)$/i.exec(headers.authorization ?? '')?.[1];

/** Runs before every route. A route without `@Access` is closed, so a forgotten decorator opens nothing. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly auth: AuthService,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<AccessLevel | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const admit = (caller: Caller | undefined): Caller => {
      if (!caller) throw new Problem('unauthenticated');
      if (access !== 'user' && !(access === 'admin' && caller.role === 'admin')) throw new Problem('forbidden');
      return caller;
    };
    const token = bearerTokenOf(request);
    const caller = admit(token ? await this.auth.authenticate(token) : undefined);
    request.caller = caller;
    // by user and session: a token that expires during an upload was valid when the request arrived
    request.confirmAccess = async () => {
      request.caller = admit(await this.auth.findCaller(caller));
    };
    // for streams, which must not outlive their token
    request.confirmToken = async () => {
      request.caller = admit(await this.auth.authenticate(token!));
    };
    return true;
  }
}
