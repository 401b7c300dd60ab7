import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { JSON_TYPES, mediaTypeOf } from '../http/media-types.js';
import { type InvalidMember, Problem } from '../problems/problem.js';

/** Refuses undocumented query parameters, and a body where the route takes none, instead of ignoring them silently. */
@Injectable()
export class DeclaredMembersGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    request.execution = context;
    const { query: declared, isOpen, consumes } = request.routeOptions.config;
    if (!declared || !consumes) return true;
    const { body, method } = request;
    const type = mediaTypeOf(request);
    // the parsers let forms and images pass unread on every route
    const isForeign = method !== 'GET' && type !== '' && !consumes.has(type);
    if (isForeign && (!JSON_TYPES.includes(type) || (consumes.size > 0 && body !== undefined)))
      throw new Problem('unsupported_media_type');
    const errors: InvalidMember[] = [];
    for (const [name, value] of Object.entries(request.query as object)) {
      if (!isOpen && !declared.has(name))
        errors.push({ pointer: name, code: 'unknown_parameter', message: unknownParameter(declared) });
      else if (Array.isArray(value)) errors.push({ pointer: name, code: 'repeated', message: 'Must not be repeated.' });
    }
    if (consumes.size === 0 && body !== undefined && !isEmptyObject(body))
      errors.push({ pointer: '', code: 'unexpected_body', message: 'Must be empty.' });
    if (errors.length > 0) throw Problem.invalid(errors);
    return true;
  }
}

const unknownParameter = (declared: ReadonlySet<string>): string =>
  declared.size > 0
    ? `Unknown parameter. Allowed: ${[...declared].join(', ')}.`
    : 'Unknown parameter. This route has no parameters.';

/** Some clients send `{}` with every POST. */
const isEmptyObject = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
