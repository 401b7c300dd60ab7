import {
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { FORM_TYPE, mediaTypeOf, OTHER_PHOTO_TYPES, PHOTO_TYPES } from '../http/media-types.js';
import { ConcurrencyLimiter } from '../limits/concurrency-limiter.js';
import { type InvalidMember, Problem } from '../problems/problem.js';
import { type Upload, uploadOf } from './upload.js';
import { isTooLarge, readForm, readImage } from './upload-body.js';

/**
 * Photos in memory at a time. Queued uploads stay unread on their connections; beyond the queue the response is 503.
 */
const CONCURRENCY = 16;
const MAX_QUEUED = 48;
/** Of them, of one user: uploads that a user sends slowly leave room for those of others. */
const CONCURRENCY_PER_USER = 4;
const MAX_QUEUED_PER_USER = 60;

/**
 * Reads forms and images after the guards have passed. The fields of a form become the request's body, which is then
 * validated like JSON; the photo becomes its `upload`. Other media types pass unchanged.
 */
@Injectable()
export class PhotoUploadInterceptor implements NestInterceptor {
  private readonly limiter = new ConcurrencyLimiter(CONCURRENCY, MAX_QUEUED);
  private readonly userLimiters = new Map<number, ConcurrencyLimiter>();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const type = mediaTypeOf(request);
    const isImage = PHOTO_TYPES.includes(type) || OTHER_PHOTO_TYPES.includes(type);
    const read = type === FORM_TYPE ? readForm : isImage ? readImage : undefined;
    if (!read) return next.handle();
    if (isTooLarge(request)) throw new Problem('payload_too_large');
    return from(
      this.runLimited(request, async () => {
        // the client disconnected while queued: reading would never end and keep its slot
        if (request.raw.destroyed || request.socket.destroyed) throw new Problem('malformed_request');
        const { fields, photo } = await read(request);
        // the user may have been deleted, demoted or signed out while the body arrived
        await request.confirmAccess?.();
        request.body = fields;
        request.upload = photo;
        // in the thread pool: hashing 10 MiB here would block all other requests
        if (photo && request.headers['idempotency-key'])
          request.uploadHash = Buffer.from(await crypto.subtle.digest('SHA-256', photo)).toString('hex');
        return lastValueFrom<unknown>(next.handle());
      }),
    );
  }

  /** Waits for a slot of the user first: a user's queue takes no place in the queue of all. */
  private async runLimited<T>({ caller }: FastifyRequest, work: () => Promise<T>): Promise<T> {
    const { userId } = caller!;
    const own = this.userLimiters.get(userId) ?? new ConcurrencyLimiter(CONCURRENCY_PER_USER, MAX_QUEUED_PER_USER);
    this.userLimiters.set(userId, own);
    try {
      return await own.run(() => this.limiter.run(work));
    } finally {
      if (own.isIdle) this.userLimiters.delete(userId);
    }
  }
}

/** Handler parameter: the photo of the request, if it has one. */
export const OptionalPhoto = createParamDecorator((_: unknown, execution: ExecutionContext) => uploadOf(execution));

/** Handler parameter: the photo of the request. Refuses requests without one, or with other fields. */
export const RequiredPhoto = createParamDecorator((_: unknown, execution: ExecutionContext): Upload => {
  const { body } = execution.switchToHttp().getRequest<FastifyRequest>();
  const unknown = Object.keys(body ?? {}).map((name): InvalidMember => ({
    pointer: `/${name}`,
    code: 'unknown_member',
    message: 'Unknown member.',
  }));
  if (unknown.length > 0) throw Problem.invalid(unknown);
  const upload = uploadOf(execution);
  if (!upload) throw Problem.invalid([{ pointer: '/photo', code: 'required', message: 'This value is required.' }]);
  return upload;
});
