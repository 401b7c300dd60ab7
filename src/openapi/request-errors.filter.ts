import { type ArgumentsHost, Catch, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { parseIfMatch } from '../http/etags.js';
import { JSON_TYPES, mediaTypeOf } from '../http/media-types.js';
import { parseIdempotencyKey } from '../http/request-context.js';
import { ProblemFilter } from '../problems/problem.filter.js';
import { type InvalidMember, MAX_LISTED, Problem } from '../problems/problem.js';
import { validateDto } from '../validation/validate-dto.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The handler of the request, once it has passed the guards. */
    execution?: ExecutionContext;
  }
}

interface Argument {
  index: number;
  data?: string;
  pipes: Array<Type<PipeTransform>>;
}

/**
 * Names all mistakes of an invalid request at once. Guards and pipes report their own and stop at the first of them, so
 * that a valid request is checked once; only for an invalid one all checks run.
 */
@Catch()
export class RequestErrorsFilter extends ProblemFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    if (!(error instanceof Problem) || error.code !== 'invalid_request' || !request.execution)
      return super.catch(error, host);
    void withAllErrors(error, request, request.execution)
      .catch((failure: unknown) => failure)
      .then((complete) => super.catch(complete, host));
  }
}

async function withAllErrors(problem: Problem, request: FastifyRequest, execution: ExecutionContext): Promise<Problem> {
  const errors = [...(problem.extras.errors ?? [])];
  if (errors.length === MAX_LISTED) return problem;
  for (const check of checksOf(request, execution))
    try {
      await check();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      errors.push(
        ...(error.extras.errors ?? []).filter((found) => !errors.some(({ pointer }) => pointer === found.pointer)),
      );
    }
  if (errors.length === 0) return problem;
  const { readOnly } = request.routeOptions.config;
  return Problem.invalid(errors.map((error) => (isReadOnly(error, readOnly) ? { ...error, ...READ_ONLY } : error)));
}

const READ_ONLY = { code: 'read_only', message: 'Is read-only.' } as const;

const isReadOnly = ({ pointer, code }: InvalidMember, readOnly?: ReadonlySet<string>): boolean =>
  code === 'unknown_member' && readOnly?.has(pointer.slice(1)) === true;

/** The checks of path, query, headers and body. */
function* checksOf(request: FastifyRequest, execution: ExecutionContext): Generator<() => unknown> {
  const { headers } = request.routeOptions.config;
  const [controller, handler] = [execution.getClass(), execution.getHandler().name];
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, handler) ?? []) as Type[];
  const found = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {}) as Record<string, Argument>;
  for (const [key, { index, data, pipes }] of Object.entries(found)) {
    const type = types[index]!;
    switch (Number(key.split(':', 1)[0]) as RouteParamtypes) {
      case RouteParamtypes.PARAM:
        for (const Pipe of pipes)
          yield (): unknown =>
            new Pipe().transform((request.params as Record<string, string>)[data!], { type: 'param', data });
        break;
      case RouteParamtypes.QUERY:
        yield () => validateDto(type, request.query, 'query');
        break;
      case RouteParamtypes.BODY:
        // a form that is not read yet is no body
        if (request.body !== undefined || JSON_TYPES.includes(mediaTypeOf(request)))
          yield () => validateDto(type, request.body);
    }
  }
  if (headers?.has('If-Match')) yield () => parseIfMatch(request.headers['if-match']);
  if (headers?.has('Idempotency-Key')) yield () => parseIdempotencyKey(request);
}
