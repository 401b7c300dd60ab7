import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { ExportQuery } from './export.query.js';
import { ExportResponses } from './export-responses.js';
import { ApiExport } from './transfer-decorators.js';

@ApiTags('Customers')
@Controller('customers/export')
export class ExportsController {
  constructor(private readonly responses: ExportResponses) {}

  /**
   * Export customers
   *
   * All customers that match, in the order of the list, as a file that the import reads back.
   */
  @Get()
  @Access('admin')
  @RouteConfig({ countsAsLoad: false })
  @ApiExport()
  @ApiProblems('too_many_requests')
  async exportCustomers(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query() query: ExportQuery,
  ): Promise<void> {
    const { content, headers } = await this.responses.start(request, query);
    // not awaited: it ends with the response, and an error in between has ended the connection
    void reply.headers(headers).send(content);
  }
}
