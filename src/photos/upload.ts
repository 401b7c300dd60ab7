import type { ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The photo in the body of a request. */
export interface Upload {
  image: Buffer;
  /** Aborts when the client disconnects. */
  signal: AbortSignal;
}

export function uploadOf(execution: ExecutionContext): Upload | undefined {
  const http = execution.switchToHttp();
  const { upload } = http.getRequest<FastifyRequest>();
  if (!upload) return undefined;
  const { raw } = http.getResponse<FastifyReply>();
  const client = new AbortController();
  if (raw.closed) client.abort();
  // also closes after the response, when nothing listens any more
  else raw.once('close', () => client.abort());
  return { image: upload, signal: client.signal };
}
