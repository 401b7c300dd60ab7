import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Context, IfMatch, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiIfMatch, ApiProblems } from '../http/route-decorators.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { CustomerDto, RevertCustomerDto } from './customer.dto.js';
import { CustomerMapper } from './customer.mapper.js';
import { CustomerVersionsService } from './customer-versions.service.js';

@ApiTags('Customers')
@Controller('customers')
export class VersionsController {
  constructor(
    private readonly versions: CustomerVersionsService,
    private readonly mapper: CustomerMapper,
  ) {}

  /**
   * Revert a customer
   *
   * The fields of an earlier version become a new version; the photo stays.
   */
  @Post(':id/revert')
  @HttpCode(200)
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'customer_erased', 'version_not_found', 'email_taken')
  async revertCustomer(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @Body() { version }: RevertCustomerDto,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.versions.revert(context, id, version, expectedVersion), origin);
  }
}
