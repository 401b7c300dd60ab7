import {
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { FORM_TYPE, mediaTypeOf, PHOTO_TYPES } from '../http/media-types.js';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { Problem } from '../problems/problem.js';
import { isTooLarge, readForm, readImage } from './upload-body.js';

/** Photos in memory: those beyond wait, unread, at the other end of their connections, or are refused. */
const CONCURRENCY = 16;
const MAX_QUEUED = 48;

/**
 * Reads a photo, and the fields of the form that it may come in, once the guards have let the request in: fields become
 * its body, which is then validated like any other. Requests of other types pass.
 */
@Injectable()
export class PhotoUploadInterceptor implements NestInterceptor {
  private readonly limiter = new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const type = mediaTypeOf(request);
    const read = type === FORM_TYPE ? readForm : PHOTO_TYPES.includes(type) ? readImage : undefined;
    if (!read) return next.handle();
    if (isTooLarge(request)) throw new Problem('payload_too_large');
    return from(
      this.limiter.run(async () => {
        // gone while it waited: it would be read for ever, and keep its turn
        if (request.raw.destroyed) throw new Problem('malformed_request');
        const { fields, photo } = await read(request);
        request.body = fields;
        request.upload = photo;
        return lastValueFrom<unknown>(next.handle());
      }),
    );
  }
}

/** Handler parameter: the photo that was sent, if one was. */
export const OptionalPhoto = createParamDecorator(
  (_: unknown, execution: ExecutionContext) => execution.switchToHttp().getRequest<FastifyRequest>().upload,
);

/** Handler parameter: the photo that was sent, and nothing else with it. */
export const RequiredPhoto = createParamDecorator((_: unknown, execution: ExecutionContext): Buffer => {
  const { upload, body } = execution.switchToHttp().getRequest<FastifyRequest>();
  const unknown = Object.keys(body ?? {}).map((name) => ({
    pointer: `/${name}`,
    code: 'unknown_member',
    message: 'is not known',
  }));
  if (unknown.length > 0) throw Problem.invalid(unknown);
  if (!upload) throw Problem.invalid([{ pointer: '/photo', code: 'required', message: 'is required' }]);
  return upload;
});
