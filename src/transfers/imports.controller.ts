import { Controller, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NDJSON_TYPE } from '../http/media-types.js';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { ImportQuery } from './import.query.js';
import { ImportResponses } from './import-responses.js';
import { ApiImport } from './transfer-decorators.js';

@ApiTags('Customers')
@Controller('customers/import')
export class ImportsController {
  constructor(private readonly responses: ImportResponses) {}

  /**
   * Import customers
   *
   * From a CSV or NDJSON file. Every row is imported or reported; one invalid row costs no other. Sending a file
   * again changes nothing and finishes what was left.
   */
  @Post()
  @HttpCode(200)
  @Access('admin')
  @RouteConfig({ countsAsLoad: false, hasLongBody: true })
  @ApiImport()
  @ApiProblems('request_timeout', 'too_many_requests', 'shutting_down')
  async importCustomers(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query() query: ImportQuery,
  ): Promise<void> {
    const events = await this.responses.start(request, query);
    // not awaited: it ends with the response, and an error in between has ended the connection
    void reply.headers({ 'Content-Type': NDJSON_TYPE, 'Cache-Control': 'no-store' }).send(events);
  }
}
