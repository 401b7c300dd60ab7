import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { clientOf } from '../../http/request-context.js';
import { validateDto } from '../../validation/validate-dto.js';
import { AuthService } from '../auth.service.js';
import { ReauthenticationDto } from './oauth.dto.js';

/**
 * Refuses a request unless its user proves their identity again (OWASP Authentication Cheat Sheet, "Require
 * Re-authentication for Sensitive Features"). A guard rather than a part of the handler, so that it runs before
 * ProviderGuard asks the provider. It validates the body itself, as pipes run after guards.
 */
@Injectable()
export class ReauthenticationGuard implements CanActivate {
  constructor(private readonly auth: AuthService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { password } = await validateDto(ReauthenticationDto, request.body === undefined ? {} : request.body);
    await this.auth.reauthenticate(request.caller!, clientOf(request), password);
    return true;
  }
}
