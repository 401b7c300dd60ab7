import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../config/clock.js';
import { CSV_TYPE, NDJSON_TYPE } from '../http/media-types.js';
import { UserSlots } from '../limits/user-slots.js';
import { createAccessCheck } from './access-check.js';
import type { ExportQuery } from './export.query.js';
import { ExportsService } from './exports.service.js';

const SLOTS = { total: 8, perUser: 2 };

interface ExportResponse {
  headers: Record<string, string>;
  content: Readable;
}

/** Responds with a file that is written while it is read. */
@Injectable()
export class ExportResponses {
  private readonly slots = new UserSlots(SLOTS, 'Two exports of yours are still running. Wait until one ends.');

  constructor(
    private readonly exports: ExportsService,
    private readonly clock: Clock,
  ) {}

  /** Throws a problem if the first rows cannot be read; a later error cuts the connection. */
  async start(request: FastifyRequest, query: ExportQuery): Promise<ExportResponse> {
    const { format = 'csv' } = query;
    const release = this.slots.take(request.caller!.userId);
    try {
      const pieces = this.exports.write(query, request.publicOrigin);
      const first = await pieces.next();
      const date = this.clock.now().toISOString().slice(0, 10);
      const headers = {
        'Cache-Control': 'no-store',
        'Content-Type': format === 'csv' ? `${CSV_TYPE}; charset=utf-8; header=present` : NDJSON_TYPE,
        'Content-Disposition': `attachment; filename="customers-${date}.${format}"`,
      };
      // Fastify would read a whole stream to discard it
      const content = request.method === 'HEAD' ? [] : this.checked(request, first, pieces);
      return { headers, content: Readable.from(content, { objectMode: false }).once('close', release) };
    } catch (error) {
      release();
      throw error;
    }
  }

  private async *checked(
    request: FastifyRequest,
    { value, done }: IteratorResult<string>,
    pieces: AsyncGenerator<string>,
  ): AsyncGenerator<string> {
    const confirmAccess = createAccessCheck(request);
    if (done) return;
    if (value) yield value;
    for await (const piece of pieces) {
      await confirmAccess();
      if (piece) yield piece;
    }
  }
}
