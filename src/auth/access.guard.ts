import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ACCESS, type AccessLevel } from '../http/route-decorators.js';
import { Problem } from '../problems/problem.js';
import { AuthService } from './auth.service.js';

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
    const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
    const caller = token && (await this.auth.authenticate(token));
    if (!caller) throw new Problem('unauthenticated');
    if (access !== 'user' && !(access === 'admin' && caller.role === 'admin')) throw new Problem('forbidden');
    request.caller = caller;
    return true;
  }
}
