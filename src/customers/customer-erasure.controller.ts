import { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Context, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { IdPipe } from '../validation/id.pipe.js';
import { CustomerErasureService } from './customer-erasure.service.js';
import { PersonalDataDto } from './personal-data.dto.js';
import { PersonalDataService } from './personal-data.service.js';

@Controller('customers')
@ApiTags('Customers')
export class CustomerErasureController {
  constructor(
    private readonly erasures: CustomerErasureService,
    private readonly personalData: PersonalDataService,
  ) {}

  /**
   * Get all data about a person
   *
   * Everything that the service holds about a customer, for a subject access request (GDPR, article 15).
   */
  @Get(':id/personal-data')
  @Access('admin')
  @ApiOkResponse({ type: PersonalDataDto })
  @ApiProblems('customer_not_found', 'customer_erased')
  async getPersonalData(
    @Param('id', IdPipe) id: number,
    @PublicOrigin() origin: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const text = await this.personalData.read(id, origin);
    await reply
      .headers({
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Disposition': `attachment; filename="customer-${id}.json"`,
        'Cache-Control': 'no-store',
      })
      .send(Readable.from(text));
  }

  /**
   * Erase a customer
   *
   * Removes the personal data of the customer for good (GDPR, article 17). This cannot be undone.
   */
  @Post(':id/erase')
  @HttpCode(204)
  @Access('admin')
  @ApiProblems('customer_not_found')
  eraseCustomer(@Context() context: RequestContext, @Param('id', IdPipe) id: number): Promise<void> {
    return this.erasures.erase(context, id);
  }
}
