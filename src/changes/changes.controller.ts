import type { Readable } from 'node:stream';
import { Controller, Get, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtraModels, ApiHeader, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { ChangePages } from './change-pages.js';
import { ChangeStreams } from './change-streams.js';
import { ChangesPageDto, ChangesQuery } from './changes.dto.js';
import { ChangesReader, type Reader } from './reader.js';

@ApiTags('Customers')
@Controller('customers/changes')
export class ChangesController {
  constructor(
    private readonly pages: ChangePages,
    private readonly streams: ChangeStreams,
  ) {}

  /**
   * Follow the changes of all customers
   *
   * Every change once, oldest first: as pages, as long polls or as server-sent events. A reader that keeps its
   * cursor misses none.
   */
  @Get()
  @Access('user')
  @RouteConfig({ countsAsLoad: false })
  @ApiExtraModels(ChangesPageDto)
  @ApiHeader({
    name: 'Last-Event-ID',
    description: 'Only for event streams: the last `id` that the client received. Takes precedence over `after`.',
    schema: { type: 'string' },
  })
  @ApiResponse({
    status: 200,
    description:
      'A page, or with `Accept: text/event-stream` a stream of events `change`, each with a `ChangeDto` as data and a cursor as id.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ChangesPageDto) } },
      'text/event-stream': { schema: { type: 'string' } },
    },
  })
  @ApiProblems('too_many_requests')
  listCustomerChanges(
    @Query() query: ChangesQuery,
    @ChangesReader() reader: Reader,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChangesPageDto | Readable> {
    void reply.header('Vary', [reply.getHeader('vary') ?? [], 'Accept'].flat().join(', '));
    return reader.prefersEvents ? this.openStream(query, reader, reply) : this.pages.read(query, reader);
  }

  private async openStream({ after }: ChangesQuery, reader: Reader, reply: FastifyReply): Promise<Readable> {
    const stream = await this.streams.open(after, reader);
    // no-transform and X-Accel-Buffering: proxies must neither compress nor collect the events
    void reply.headers({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    return stream;
  }
}
